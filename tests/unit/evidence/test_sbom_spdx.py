from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from spdx_tools.spdx.model.relationship import RelationshipType
from spdx_tools.spdx.parser.tagvalue.parser import Parser

from contracts.facts import Component, LicenseUse, SbomFacts
from services.evidence.domain.kinds import spdx2
from tests.unit.evidence.sbom_documents import (
    RDF,
    SHA256,
    SPDX,
    TAG_VALUE,
    a_graph,
    a_purl,
    an_spdx,
    facts,
    problem,
    read,
)

BOTH = (
    Component(
        purl="pkg:npm/app@1",
        version="1",
        licenses=("MIT",),
        digests=(f"sha256:{SHA256}",),
        depends_on=("pkg:npm/lib@2",),
    ),
    Component(purl="pkg:npm/lib@2"),
)
TWO = an_spdx(
    {
        "versionInfo": "1",
        "licenseDeclared": "MIT",
        "licenseConcluded": "NOASSERTION",
        "checksums": [{"algorithm": "SHA256", "checksumValue": SHA256}],
        "externalRefs": [
            {"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:b"},
            a_purl("pkg:npm/app@1"),
        ],
    },
    {"externalRefs": [a_purl("pkg:npm/lib@2")]},
    relationships=[
        {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-0"},
        {"spdxElementId": "SPDXRef-0", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-1"},
    ],
)
THREE = a_graph(
    {
        "type": "software_Package",
        "spdxId": "urn:app",
        "name": "app",
        "software_packageVersion": "1",
        "externalIdentifier": [
            {"type": "ExternalIdentifier", "externalIdentifierType": "cpe23", "identifier": "cpe:2.3:a:b"},
            {"type": "ExternalIdentifier", "externalIdentifierType": "packageUrl", "identifier": "pkg:npm/app@1"},
        ],
        "verifiedUsing": [
            {"type": "Hash", "algorithm": "sha256", "hashValue": SHA256},
            {"type": "PackageVerificationCode", "algorithm": "sha1", "hashValue": "a" * 40},
        ],
    },
    {"type": "software_Package", "spdxId": "urn:lib", "name": "lib", "software_packageUrl": "pkg:npm/lib@2"},
    {"type": "software_File", "spdxId": "urn:file", "name": "file"},
    {
        "type": "LifecycleScopedRelationship",
        "spdxId": "urn:r1",
        "from": "urn:app",
        "relationshipType": "dependsOn",
        "to": ["urn:lib"],
    },
    {
        "type": "Relationship",
        "spdxId": "urn:r2",
        "from": "urn:app",
        "relationshipType": "hasDeclaredLicense",
        "to": "urn:license",
    },
    {
        "type": "simplelicensing_LicenseExpression",
        "spdxId": "urn:license",
        "simplelicensing_licenseExpression": "MIT",
    },
    rootElement=["urn:bom"],
)
THREE["@graph"].append({"type": "software_Sbom", "spdxId": "urn:bom", "creationInfo": "_:c", "rootElement": "urn:app"})


@pytest.mark.parametrize(
    ("document", "version", "identity", "relationships"),
    [
        (TWO, "2.3", "https://example.com/a", 2),
        (TAG_VALUE, "2.3", "https://example.com/a", 2),
        (yaml.safe_dump(TWO), "2.3", "https://example.com/a", 2),
        (RDF, "2.3", "https://example.com/a", 2),
        (THREE, "3.0.1", "urn:doc", 2),
    ],
    ids=["json", "tag-value", "yaml", "rdf", "3.0"],
)
def test_every_syntax_says_the_same(document: Any, version: str, identity: str, relationships: int) -> None:
    reading = read(SPDX, document)
    assert reading.facts == SbomFacts(
        format="spdx",
        spec_version=version,
        component_count=2,
        listed_count=2,
        relationship_count=relationships,
        dependency_count=1,
        document_id=identity,
        purl="pkg:npm/app@1",
        licenses=(LicenseUse(expression="MIT", count=1, components=("pkg:npm/app@1",)),),
        unlicensed=LicenseUse(expression="NOASSERTION", count=1, components=("pkg:npm/lib@2",)),
    )
    assert reading.components == BOTH
    assert reading.claimed_at == datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize("suffix", ["", "/v2.2", "/v2.3", "/v3"])
def test_every_predicate_type_is_read(suffix: str) -> None:
    assert facts(SPDX + suffix, TWO).component_count == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_syntax_is_read_in_every_encoding(encoding: str) -> None:
    for text in (
        TAG_VALUE,
        TAG_VALUE.replace("\n", "\r\n"),
        json.dumps(TWO),
        yaml.safe_dump(TWO),
        RDF,
        json.dumps(THREE),
    ):
        assert facts(SPDX, text.encode(encoding)).component_count == 2


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in TWO.items() if key != name}


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({}, "spdxVersion"),
        (an_spdx(spdxVersion="SPDX-2.1"), "spdxVersion"),
        (an_spdx(spdxVersion=2), "spdxVersion"),
        (an_spdx(SPDXID=""), "SPDXID"),
        (without("dataLicense"), "dataLicense"),
        (without("name"), "name"),
        (without("documentNamespace"), "documentNamespace"),
        (without("creationInfo"), "creationInfo"),
        (an_spdx(creationInfo={"created": "2026-11-20T10:00:00Z", "creators": []}), "creationInfo.creators"),
        (an_spdx(creationInfo={"created": "yesterday", "creators": ["a"]}), "creationInfo.created"),
        (an_spdx({"SPDXID": None}), "packages.0.SPDXID"),
        (an_spdx({"externalRefs": [{"referenceType": "purl"}]}), "packages.0.externalRefs.0.referenceLocator"),
        (an_spdx({"checksums": [{"algorithm": "SHA1"}]}), "packages.0.checksums.0.checksumValue"),
        (
            an_spdx(
                relationships=[
                    {"spdxElementId": "a", "relationshipType": "DESCRIBE", "relatedSpdxElement": "b"},
                ]
            ),
            "relationships.0.relationshipType",
        ),
    ],
)
def test_an_unreadable_document_says_where(document: dict[str, Any], where: str) -> None:
    assert problem(SPDX, document).where == where


@pytest.mark.parametrize(
    "document",
    [
        an_spdx({"unheard": 1, "name": None, "licenseDeclared": None, "externalRefs": None}, unheard=2),
        an_spdx({}, creationInfo={"created": "2026-11-20T10:00:00.123456789Z", "creators": [{"Tool": "a"}]}),
        an_spdx({}, files=[{"fileName": 5}], snippets=None),
        an_spdx({"externalRefs": [a_purl("not a purl")]}),
    ],
)
def test_slips_of_real_tools_are_passed_over(document: dict[str, Any]) -> None:
    assert facts(SPDX, document).unidentified_count == 1


def test_every_kind_of_dependency_is_an_edge_in_its_direction() -> None:
    packages = [{"externalRefs": [a_purl(f"pkg:npm/p{number}@1")]} for number in range(4)]
    edges = [
        {"spdxElementId": "SPDXRef-0", "relationshipType": "STATIC_LINK", "relatedSpdxElement": "SPDXRef-1"},
        {"spdxElementId": "SPDXRef-2", "relationshipType": "runtime_dependency_of", "relatedSpdxElement": "SPDXRef-0"},
        {"spdxElementId": "SPDXRef-0", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-3"},
        {"spdxElementId": "SPDXRef-0", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "NONE"},
    ]
    found = read(SPDX, an_spdx(*packages, relationships=edges, documentDescribes=["SPDXRef-0", "SPDXRef-3"]))
    assert [one.depends_on for one in found.components] == [("pkg:npm/p1@1", "pkg:npm/p2@1"), (), (), ()]
    assert isinstance(found.facts, SbomFacts)
    assert found.facts.purl is None


def test_the_relationships_are_those_that_spdx_has() -> None:
    assert {one.name for one in RelationshipType} == spdx2.RELATIONSHIPS


def test_tag_value_is_read_as_the_library_of_the_field_reads_it() -> None:
    # The library writes its parser's tables beside its own files unless it is told not to.
    document = Parser(write_tables=False, debug=False).parse(  # type: ignore[no-untyped-call]  # not annotated there
        TAG_VALUE.partition("FileName")[0] + TAG_VALUE.partition("SPDXRef-file\n")[2]
    )
    ours = read(SPDX, TAG_VALUE)
    purls = {ref.locator for package in document.packages for ref in package.external_references}
    assert {one.purl for one in ours.components} == purls
    assert isinstance(ours.facts, SbomFacts)
    assert ours.facts.relationship_count == len(document.relationships)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (("# a comment", "no tag at all"), "line 1"),
        (("PackageName: app\n", "PackageVersion: 1\n"), "line 12"),
        (("PackageVersion: 1\n", "PackageVersion: 1\nPackageVersion: 2\n"), "line 15"),
        (("lines</text>", "lines"), "line 9"),
        (("lines</text>", "lines</text> more"), "line 9"),
        (("DEPENDS_ON SPDXRef-lib", "DEPENDS_ON"), "line 30"),
        (("purl pkg:npm/app@1", "purl"), "line 19"),
        (("Created: 2026-11-20T10:00:00Z\n", ""), "creationInfo.created"),
    ],
)
def test_unreadable_lines_are_named(change: tuple[str, str], where: str) -> None:
    assert problem(SPDX, TAG_VALUE.replace(*change)).where == where


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("spdxVersion: &a SPDX-2.3\nname: *a\n", "line 2"),
        ("spdxVersion: SPDX-2.3\nspdxVersion: SPDX-2.2\n", "line 2"),
        ("spdxVersion: [" + "[" * 100, "line 1"),
        ("spdxVersion: SPDX-2.3\n---\na: b\n", "line 2"),
        ("spdxVersion: SPDX-2.3\n? [a]\n: b\n", "line 2"),
        ("spdxVersion: 'SPDX", "line 1"),
        ("- a\nspdxVersion: b", "line 2"),
        ("spdxVersion:\n  - !!python/object/apply:os.getcwd []\n", "spdxVersion"),
    ],
)
def test_yaml_is_as_strict_as_json(text: str, where: str) -> None:
    assert problem(SPDX, text).where == where


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (("spdx:Package ", "rdf:Description "), "line 12"),
        (('<spdx:Package rdf:about="https://example.com/a#SPDXRef-lib">', '<spdx:Package spdx:name="x">'), "line 31"),
        (("<spdx:externalRef>", '<spdx:externalRef rdf:parseType="Resource">'), "line 20"),
        (("</rdf:RDF>", '<spdx:SpdxDocument rdf:about="b"><spdx:name/></spdx:SpdxDocument></rdf:RDF>'), "line 1"),
        (('rdf:resource="http://spdx.org/licenses/MIT"', 'rdf:nodeID="set"'), "line 14"),
        (("<spdx:creator>Tool: a</spdx:creator>", ""), "creationInfo.creators"),
        (("relationshipType_dependsOn", "relationshipType_needs"), "relationships.1.relationshipType"),
    ],
)
def test_other_spellings_of_rdf_are_refused_with_their_line(change: tuple[str, str], where: str) -> None:
    text = RDF.replace(*change).replace(
        "</spdx:Package>", "</rdf:Description>" if "Desc" in change[1] else "</spdx:Package>"
    )
    assert problem(SPDX, text).where == where


@pytest.mark.parametrize(
    ("rdf", "license_text"),
    [
        (
            "<spdx:ListedLicense rdf:about='http://spdx.org/licenses/MIT'><spdx:name>x</spdx:name></spdx:ListedLicense>",
            "MIT",
        ),
        ("<spdx:ExtractedLicensingInfo rdf:about='https://example.com/a#LicenseRef-1'/>", "LicenseRef-1"),
        (
            (
                "<spdx:DisjunctiveLicenseSet><spdx:member rdf:resource='http://spdx.org/licenses/MIT'/>"
                "<spdx:member><spdx:OrLaterOperator><spdx:member rdf:resource='http://spdx.org/licenses/GPL-2.0'/>"
                "</spdx:OrLaterOperator></spdx:member></spdx:DisjunctiveLicenseSet>"
            ),
            "(GPL-2.0+ OR MIT)",
        ),
        (
            (
                "<spdx:WithExceptionOperator><spdx:member rdf:resource='http://spdx.org/licenses/GPL-2.0'/>"
                "<spdx:licenseException rdf:resource='http://spdx.org/licenses/Bison-exception-2.2'/>"
                "</spdx:WithExceptionOperator>"
            ),
            "GPL-2.0 WITH Bison-exception-2.2",
        ),
        ("Own", "Own"),
    ],
)
def test_licenses_in_rdf_become_expressions(rdf: str, license_text: str) -> None:
    stated = '<spdx:licenseDeclared rdf:resource="http://spdx.org/licenses/MIT"/>'
    text = RDF.replace(stated, f"<spdx:licenseDeclared>{rdf}</spdx:licenseDeclared>")
    assert read(SPDX, text).components[0].licenses == (license_text,)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"@context": "https://example.com", "@graph": []}, "@context"),
        ({"@context": THREE["@context"].replace("3.0.1", "4.0.1"), "@graph": []}, "@context"),
        ({"@context": THREE["@context"]}, "@graph"),
        ({"@context": THREE["@context"], "@graph": []}, "@graph"),
        ({"@context": THREE["@context"], "@graph": [5]}, "@graph.0"),
        ({"@context": THREE["@context"], "@graph": [*THREE["@graph"], *THREE["@graph"]]}, "@graph"),
        (a_graph({"type": "software_Package"}), "spdxId"),
        (a_graph({"spdxId": "a"}), "type"),
        (a_graph(creationInfo="_:d"), "@graph"),
        (a_graph(creationInfo={"created": "2026-11-20T10:00:00Z", "specVersion": "2.3"}), "creationInfo"),
        (a_graph({"type": "Relationship", "from": "a", "relationshipType": "needs", "to": ["b"]}), "@graph"),
        (a_graph({"type": "Relationship", "from": "a", "relationshipType": "dependsOn"}), "to"),
    ],
)
def test_an_unreadable_graph_says_where(document: dict[str, Any], where: str) -> None:
    assert problem(SPDX, document).where.startswith(where)


def test_all_members_of_a_license_set_are_named_once() -> None:
    graph = a_graph(
        {"type": "software_Package", "spdxId": "urn:a", "software_packageUrl": "pkg:npm/a@1"},
        {"type": "Relationship", "from": "urn:a", "relationshipType": "hasConcludedLicense", "to": ["urn:set"]},
        {
            "type": "expandedlicensing_DisjunctiveLicenseSet",
            "spdxId": "urn:set",
            "expandedlicensing_member": [
                "https://spdx.org/licenses/MIT",
                "urn:own",
                "urn:set",
                "https://spdx.org/rdf/3.0.1/terms/Licensing/NoAssertion",
            ],
        },
        {"type": "expandedlicensing_CustomLicense", "spdxId": "urn:own", "name": "Own"},
    )
    assert read(SPDX, graph).components == (Component(purl="pkg:npm/a@1", licenses=("MIT", "Own")),)


@pytest.mark.parametrize("text", ["<rdf:RDF/>", "<Document/>", "", "plain", "SPDXID: x", "- a"])
def test_other_syntaxes_are_unreadable(text: str) -> None:
    problem(SPDX, text)
