"""SPDX 3.0 in JSON-LD: a flat graph of elements.

- One `SpdxDocument` names the graph; its creation info gives version and time. Nothing is fetched: the context
  counts by its address alone.
- Packages are `software_Package` and its kinds for models and data sets. Their package URLs are `software_packageUrl`
  and the external identifiers of type `packageUrl`; their digests the `Hash`es they are verified with.
- Licences are those declared and concluded; of a set of licences all members count, as if each was named.
- Dependencies are the relationships of `_NEEDS`, whatever their scope; a type of relationship that SPDX does not
  know is refused, since an edge would be lost.

Source: SPDX specification 3.0.1, profiles Core, Software, SimpleLicensing and ExpandedLicensing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints

from services.evidence.domain.kinds.packages import Inventory, digest
from services.evidence.domain.kinds.reading import Moment, Part, Reading, UnreadableError

_CONTEXT = r"^https?://spdx\.org/rdf/3\.0\.\d{1,3}/spdx-context\.jsonld$"
_PACKAGES = frozenset({"software_Package", "ai_AIPackage", "dataset_DatasetPackage"})
_LICENSE_TYPES = ("simplelicensing_", "expandedlicensing_")
_LICENSED = frozenset({"hasDeclaredLicense", "hasConcludedLicense"})
_NEEDS = frozenset(
    {
        "dependsOn",
        "hasDynamicLink",
        "hasOptionalDependency",
        "hasPrerequisite",
        "hasProvidedDependency",
        "hasStaticLink",
    }
)
_OTHER_TYPES = """
    affects amendedBy ancestorOf availableFrom configures contains coordinatedBy copiedTo delegatedTo descendantOf
    describes doesNotAffect expandsTo exploitCreatedBy fixedBy fixedIn foundBy generates hasAddedFile hasAssessmentFor
    hasAssociatedVulnerability hasDataFile hasDeletedFile hasDependencyManifest hasDistributionArtifact
    hasDocumentation hasEvidence hasExample hasHost hasInput hasMetadata hasOptionalComponent hasOutput hasRequirement
    hasSpecification hasTest hasTestCase hasVariant invokedBy modifiedBy other packagedBy patchedBy publishedBy
    reportedBy republishedBy serializedInArtifact testedOn trainedOn underInvestigationFor usesTool
"""
_RELATIONSHIPS = _LICENSED | _NEEDS | frozenset(_OTHER_TYPES.split())
_NO_LICENSE = frozenset({"NOASSERTION", "NONE", "NoAssertion", "None", "NoAssertionLicense", "NoneLicense", ""})
_LISTED_LICENSE = re.compile(r"https?://spdx\.org/(?:licenses|rdf/3\.0\.\d{1,3}/terms/\w{1,40})/(\S+)")


def _listed(value: Any) -> Any:
    # JSON-LD writes a list of one with or without its brackets.
    return [value] if isinstance(value, str | dict) else value


_Many = BeforeValidator(_listed)


class _Identifier(Part):
    type: str = Field(alias="externalIdentifierType")
    identifier: str


class _Hash(Part):
    type: str
    algorithm: str = ""
    content: str = Field(default="", alias="hashValue")


class _Package(Part):
    id: str = Field(alias="spdxId")
    purl: str | None = Field(default=None, alias="software_packageUrl")
    version: str | None = Field(default=None, alias="software_packageVersion")
    identifiers: Annotated[tuple[_Identifier, ...], _Many] = Field(default=(), alias="externalIdentifier")
    verified: Annotated[tuple[_Hash | str, ...], _Many] = Field(default=(), alias="verifiedUsing")

    def purls(self) -> Iterator[str]:
        if self.purl:
            yield self.purl
        for one in self.identifiers:
            if one.type == "packageUrl":
                yield one.identifier


class _Relationship(Part):
    source: str = Field(alias="from")
    type: str = Field(alias="relationshipType")
    targets: Annotated[tuple[str, ...], _Many] = Field(alias="to")


class _License(Part):
    expression: str | None = Field(default=None, alias="simplelicensing_licenseExpression")
    name: str | None = None
    members: Annotated[tuple[str, ...], _Many] = Field(default=(), alias="expandedlicensing_member")


class _Creation(Part):
    created: Moment
    version: Annotated[str, StringConstraints(pattern=r"^3\.0\.\d{1,3}$")] = Field(alias="specVersion")


class _Described(Part):
    """An `SpdxDocument` or a collection such as `software_Sbom`."""

    id: str = Field(alias="spdxId")
    creation: str | _Creation = Field(alias="creationInfo")
    roots: Annotated[tuple[str, ...], _Many] = Field(default=(), alias="rootElement")


class _Element(Part):
    type: str
    spdx_id: str | None = Field(default=None, alias="spdxId")
    node_id: str | None = Field(default=None, alias="@id")

    def id(self) -> str:
        return self.spdx_id or self.node_id or ""


class _Graph(Part):
    context: Annotated[str, StringConstraints(pattern=_CONTEXT)] = Field(alias="@context")
    elements: tuple[dict[str, Any], ...] = Field(alias="@graph")


def read(document: Mapping[str, Any]) -> Reading:
    """The bill of materials in `document`. Raises pydantic's `ValidationError` or `UnreadableError`."""
    return _Collected(_Graph.model_validate(document).elements).reading()


class _Collected:
    """The elements of one graph, by what they are."""

    def __init__(self, elements: Iterable[Mapping[str, Any]]) -> None:
        self._packages: list[_Package] = []
        self._relationships: list[_Relationship] = []
        self._documents: list[_Described] = []
        self._roots: dict[str, tuple[str, ...]] = {}
        self._licenses: dict[str, _License] = {}
        self._hashes: dict[str, _Hash] = {}
        self._creations: dict[str, _Creation] = {}
        for element in elements:
            self._collect(_Element.model_validate(element), element)

    def _collect(self, found: _Element, element: Mapping[str, Any]) -> None:
        if "relationshipType" in element:
            self._relationships.append(_relationship(element))
        elif found.type in _PACKAGES:
            self._packages.append(_Package.model_validate(element))
        elif found.type.startswith(_LICENSE_TYPES):
            self._licenses[found.id()] = _License.model_validate(element)
        elif found.type == "Hash":
            self._hashes[found.id()] = _Hash.model_validate(element)
        elif found.type == "CreationInfo":
            self._creations[found.id()] = _Creation.model_validate(element)
        elif found.type == "SpdxDocument":
            self._documents.append(_Described.model_validate(element))
        elif "rootElement" in element:
            self._roots[found.id()] = _Described.model_validate(element).roots

    def reading(self) -> Reading:
        if len(self._documents) != 1:
            raise UnreadableError("@graph", f"has {len(self._documents)} elements of type SpdxDocument in place of one")
        document = self._documents[0]
        creation = document.creation
        if isinstance(creation, str):
            if creation not in self._creations:
                raise UnreadableError("@graph", f"lacks the CreationInfo {creation[:80]} of its SpdxDocument")
            creation = self._creations[creation]
        inventory = self._inventory()
        return inventory.reading(
            "spdx",
            creation.version,
            claimed_at=creation.created,
            document_id=document.id,
            described=self._described(document, inventory),
            relationship_count=len(self._relationships),
        )

    def _inventory(self) -> Inventory:
        inventory = Inventory()
        licenses = self._licenses_by_package()
        for package in self._packages:
            inventory.add(
                package.purls(),
                reference=package.id,
                version=package.version,
                licenses=licenses.get(package.id, ()),
                digests=self._digests(package),
            )
        for one in self._relationships:
            if one.type in _NEEDS:
                inventory.relate(one.source, one.targets)
        return inventory

    def _described(self, document: _Described, inventory: Inventory) -> str | None:
        """The package that is the only root of the document, or the only root of its only bill of materials."""
        roots = document.roots
        if len(roots) == 1:
            roots = self._roots.get(roots[0], roots)
        return inventory.purl_of(roots[0]) if len(roots) == 1 else None

    def _digests(self, package: _Package) -> list[str]:
        hashes = (self._hashes.get(one) if isinstance(one, str) else one for one in package.verified)
        found = (digest(one.algorithm, one.content) for one in hashes if one is not None and one.type == "Hash")
        return [one for one in found if one is not None]

    def _licenses_by_package(self) -> dict[str, set[str]]:
        named: dict[str, frozenset[str]] = {}
        by_package: dict[str, set[str]] = {}
        for one in self._relationships:
            if one.type in _LICENSED:
                for target in one.targets:
                    if target not in named:
                        named[target] = frozenset(self._named(target))
                    by_package.setdefault(one.source, set()).update(named[target])
        return by_package

    def _named(self, license_id: str) -> Iterator[str]:
        waiting, seen = [license_id], {license_id}
        while waiting:
            current = waiting.pop()
            known = self._licenses.get(current)
            if known is not None and known.members:
                fresh = [one for one in known.members if one not in seen]
                seen.update(fresh)
                waiting.extend(fresh)
                continue
            listed = _LISTED_LICENSE.fullmatch(current)
            stated = known.expression or known.name if known else None
            text = stated or (listed[1] if listed else current)
            if text not in _NO_LICENSE:
                yield text


def _relationship(element: Mapping[str, Any]) -> _Relationship:
    found = _Relationship.model_validate(element)
    if found.type not in _RELATIONSHIPS:
        raise UnreadableError("@graph", f"has a relationship of the unknown type {found.type[:80]!r}")
    return found
