"""SPDX 2.2 and 2.3 in the shape of their JSON form.

- The document must name itself, its licence, its maker and the time, and every package and relationship its ends;
  a type of relationship that SPDX does not know is refused, since an edge would be lost.
- Slips that change nothing of what is read are passed over: unknown fields, `null`, fractions of seconds, makers of
  another form, a missing name or download location of a package, and anything about files and snippets.
- A package is named by its external references of type `purl`; one without a valid one counts as unidentified.
- Concluded and declared licences are both kept; `NOASSERTION` and `NONE` name no licence.
- Dependencies are the relationships of `_NEEDS` and `_NEEDED_BY`: containing is not depending.

Source: SPDX specification 2.3, chapters 6, 7 and 11, and 2.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from services.evidence.domain.kinds.packages import Inventory, digest
from services.evidence.domain.kinds.reading import Moment, Part, Reading

_DOCUMENT = "SPDXRef-DOCUMENT"
_NO_LICENSE = frozenset({"NOASSERTION", "NONE", ""})
_NEEDS = frozenset({"DEPENDS_ON", "DYNAMIC_LINK", "STATIC_LINK", "HAS_PREREQUISITE"})
_NEEDED_BY = frozenset(
    {
        "DEPENDENCY_OF",
        "BUILD_DEPENDENCY_OF",
        "DEV_DEPENDENCY_OF",
        "OPTIONAL_DEPENDENCY_OF",
        "PROVIDED_DEPENDENCY_OF",
        "RUNTIME_DEPENDENCY_OF",
        "TEST_DEPENDENCY_OF",
        "PREREQUISITE_FOR",
    }
)
_OTHER_TYPES = """
    AMENDS ANCESTOR_OF BUILD_TOOL_OF CONTAINED_BY CONTAINS COPY_OF DATA_FILE_OF DEPENDENCY_MANIFEST_OF DESCENDANT_OF
    DESCRIBED_BY DESCRIBES DEV_TOOL_OF DISTRIBUTION_ARTIFACT DOCUMENTATION_OF EXAMPLE_OF EXPANDED_FROM_ARCHIVE
    FILE_ADDED FILE_DELETED FILE_MODIFIED GENERATED_FROM GENERATES METAFILE_OF OPTIONAL_COMPONENT_OF OTHER PACKAGE_OF
    PATCH_APPLIED PATCH_FOR REQUIREMENT_DESCRIPTION_FOR SPECIFICATION_FOR TEST_CASE_OF TEST_OF TEST_TOOL_OF VARIANT_OF
"""
RELATIONSHIPS = _NEEDS | _NEEDED_BY | frozenset(_OTHER_TYPES.split())
"""All types of relationship that SPDX 2 has."""


def _known(relationship: str) -> str:
    if relationship.upper() not in RELATIONSHIPS:
        raise ValueError("is no type of relationship of SPDX 2")
    return relationship.upper()


class _Reference(Part):
    type: str = Field(alias="referenceType")
    locator: str = Field(alias="referenceLocator")


class _Checksum(Part):
    algorithm: str
    content: str = Field(alias="checksumValue")


class _Package(Part):
    id: str = Field(alias="SPDXID", min_length=1)
    version: str | None = Field(default=None, alias="versionInfo")
    references: tuple[_Reference, ...] | None = Field(default=None, alias="externalRefs")
    checksums: tuple[_Checksum, ...] | None = None
    concluded: str | None = Field(default=None, alias="licenseConcluded")
    declared: str | None = Field(default=None, alias="licenseDeclared")

    def purls(self) -> Iterator[str]:
        for one in self.references or ():
            if one.type.rpartition("/")[2] == "purl":
                yield one.locator


class _Relationship(Part):
    source: str = Field(alias="spdxElementId")
    type: Annotated[str, AfterValidator(_known)] = Field(alias="relationshipType")
    target: str = Field(alias="relatedSpdxElement")


class _Creation(Part):
    created: Moment
    creators: tuple[Any, ...] = Field(min_length=1)


class _Document(Part):
    version: Literal["SPDX-2.2", "SPDX-2.3"] = Field(alias="spdxVersion")
    id: Literal["SPDXRef-DOCUMENT"] = Field(alias="SPDXID")
    license: Literal["CC0-1.0"] = Field(alias="dataLicense")
    name: str
    namespace: str = Field(alias="documentNamespace", min_length=1)
    creation: _Creation = Field(alias="creationInfo")
    described: tuple[str, ...] | None = Field(default=None, alias="documentDescribes")
    packages: tuple[_Package, ...] | None = None
    relationships: tuple[_Relationship, ...] | None = None


def read(document: Mapping[str, Any]) -> Reading:
    """The bill of materials in `document`. Raises pydantic's `ValidationError` or `UnreadableError`."""
    found = _Document.model_validate(document)
    inventory = Inventory()
    for package in found.packages or ():
        hashes = (digest(one.algorithm, one.content) for one in package.checksums or ())
        inventory.add(
            package.purls(),
            reference=package.id,
            version=package.version,
            licenses={package.concluded or "", package.declared or ""} - _NO_LICENSE,
            digests=[one for one in hashes if one is not None],
        )
    described = set(found.described or ())
    for one in found.relationships or ():
        if one.type in _NEEDS:
            inventory.relate(one.source, [one.target])
        elif one.type in _NEEDED_BY:
            inventory.relate(one.target, [one.source])
        elif one.type == "DESCRIBES" and one.source == _DOCUMENT:
            described.add(one.target)
        elif one.type == "DESCRIBED_BY" and one.target == _DOCUMENT:
            described.add(one.source)
    return inventory.reading(
        "spdx",
        found.version.removeprefix("SPDX-"),
        claimed_at=found.creation.created,
        document_id=found.namespace,
        described=inventory.purl_of(described.pop()) if len(described) == 1 else None,
        relationship_count=len(found.relationships or ()),
    )
