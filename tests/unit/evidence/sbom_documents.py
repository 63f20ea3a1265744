"""Small bills of materials in every format that is read, for tests to change."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from contracts.facts import SbomFacts, UnreadableFacts
from services.evidence.domain import kinds
from services.evidence.domain.kinds import Reading

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"
SHA256 = "0123456789abcdef" * 4


def a_bom(*components: Any, **fields: Any) -> dict[str, Any]:
    """CycloneDX 1.6 with these components, each a library named `a` unless it says otherwise."""
    listed = [{"type": "library", "name": "a"} | one for one in components]
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": listed} | fields


def a_bom_in_xml(body: str, *, version: str = "1.6", attributes: str = "") -> str:
    """CycloneDX in XML."""
    return f'<?xml version="1.0"?>\n<bom xmlns="http://cyclonedx.org/schema/bom/{version}" {attributes}>{body}</bom>'


def an_spdx(*packages: Any, **fields: Any) -> dict[str, Any]:
    """SPDX 2.3 with these packages; `SPDXID` is made up where it is missing."""
    listed = [{"SPDXID": f"SPDXRef-{number}", "name": "a"} | one for number, one in enumerate(packages)]
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "dataLicense": "CC0-1.0",
        "name": "a document",
        "documentNamespace": "https://example.com/a",
        "creationInfo": {"created": "2026-11-20T10:00:00Z", "creators": ["Tool: a"]},
        "packages": listed,
    } | fields


def a_purl(locator: str) -> dict[str, str]:
    """An external reference of SPDX 2."""
    return {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}


def a_graph(*elements: Any, **document: Any) -> dict[str, Any]:
    """SPDX 3.0.1 with these elements beside its document."""
    head = [
        {"type": "CreationInfo", "@id": "_:c", "specVersion": "3.0.1", "created": "2026-11-20T10:00:00Z"},
        {"type": "SpdxDocument", "spdxId": "urn:doc", "creationInfo": "_:c"} | document,
    ]
    return {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [*head, *elements]}


TAG_VALUE = f"""\
# a comment
SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: a document
DocumentNamespace: https://example.com/a
Creator: Tool: a
Created: 2026-11-20T10:00:00Z
DocumentComment: <text>over
PackageName: lines</text>

PackageName: app
SPDXID: SPDXRef-app
PackageVersion: 1
PackageDownloadLocation: NONE
PackageLicenseDeclared: MIT
PackageLicenseConcluded: NOASSERTION
PackageChecksum: SHA256: {SHA256}
ExternalRef: PACKAGE-MANAGER purl pkg:npm/app@1

PackageName: lib
PackageDownloadLocation: NONE
SPDXID: SPDXRef-lib
ExternalRef: PACKAGE-MANAGER purl pkg:npm/lib@2

FileName: ./lib.js
SPDXID: SPDXRef-file

Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-app
Relationship: SPDXRef-app DEPENDS_ON SPDXRef-lib
"""


RDF = f"""\
<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:spdx="http://spdx.org/rdf/terms#">
 <spdx:SpdxDocument rdf:about="https://example.com/a#SPDXRef-DOCUMENT">
  <spdx:specVersion>SPDX-2.3</spdx:specVersion>
  <spdx:name>a document</spdx:name>
  <spdx:dataLicense rdf:resource="http://spdx.org/licenses/CC0-1.0"/>
  <spdx:creationInfo><spdx:CreationInfo>
   <spdx:created>2026-11-20T10:00:00Z</spdx:created><spdx:creator>Tool: a</spdx:creator>
  </spdx:CreationInfo></spdx:creationInfo>
  <spdx:relationship><spdx:Relationship>
   <spdx:relationshipType rdf:resource="http://spdx.org/rdf/terms#relationshipType_describes"/>
   <spdx:relatedSpdxElement><spdx:Package rdf:about="https://example.com/a#SPDXRef-app">
    <spdx:versionInfo>1</spdx:versionInfo>
    <spdx:licenseDeclared rdf:resource="http://spdx.org/licenses/MIT"/>
    <spdx:licenseConcluded rdf:resource="http://spdx.org/rdf/terms#noassertion"/>
    <spdx:checksum><spdx:Checksum>
     <spdx:algorithm rdf:resource="http://spdx.org/rdf/terms#checksumAlgorithm_sha256"/>
     <spdx:checksumValue>{SHA256}</spdx:checksumValue>
    </spdx:Checksum></spdx:checksum>
    <spdx:externalRef><spdx:ExternalRef>
     <spdx:referenceType rdf:resource="http://spdx.org/rdf/references/purl"/>
     <spdx:referenceLocator>pkg:npm/app@1</spdx:referenceLocator>
    </spdx:ExternalRef></spdx:externalRef>
    <spdx:relationship><spdx:Relationship>
     <spdx:relationshipType rdf:resource="http://spdx.org/rdf/terms#relationshipType_dependsOn"/>
     <spdx:relatedSpdxElement rdf:resource="https://example.com/a#SPDXRef-lib"/>
    </spdx:Relationship></spdx:relationship>
   </spdx:Package></spdx:relatedSpdxElement>
  </spdx:Relationship></spdx:relationship>
 </spdx:SpdxDocument>
 <spdx:Package rdf:about="https://example.com/a#SPDXRef-lib">
  <spdx:externalRef><spdx:ExternalRef>
   <spdx:referenceType rdf:resource="http://spdx.org/rdf/references/purl"/>
   <spdx:referenceLocator>pkg:npm/lib@2</spdx:referenceLocator>
  </spdx:ExternalRef></spdx:externalRef>
 </spdx:Package>
</rdf:RDF>
"""


def in_bytes(data: bytes) -> dict[str, Any]:
    """A predicate that wraps bytes as an in-toto resource descriptor does."""
    return {"content": base64.b64encode(data).decode()}


def read(predicate_type: str, document: dict[str, Any] | str | bytes) -> Reading:
    """The reading of a document, wrapped as it has to be."""
    if isinstance(document, str):
        return kinds.read(predicate_type, {"Data": document}, NOW)
    return kinds.read(predicate_type, in_bytes(document) if isinstance(document, bytes) else document, NOW)


def facts(predicate_type: str, document: dict[str, Any] | str | bytes) -> SbomFacts:
    """The facts of a document that must be readable."""
    found = read(predicate_type, document).facts
    assert isinstance(found, SbomFacts), found
    return found


def problem(predicate_type: str, document: dict[str, Any] | str | bytes) -> UnreadableFacts:
    """What is wrong with a document that must be unreadable."""
    found = read(predicate_type, document).facts
    assert isinstance(found, UnreadableFacts), found
    assert found.meant == "sbom"
    return found
