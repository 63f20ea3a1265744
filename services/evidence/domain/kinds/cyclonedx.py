"""CycloneDX bills of materials in JSON and XML, specification versions 1.2 to 1.7.

- A document that breaks the official schema is refused, but for slips (`cyclonedx_schema`).
- Components are counted wherever they are nested, each package URL once.
- The component in the metadata is what the document describes, not a part of it, and is not counted.
- One without a valid package URL counts as unidentified: nothing can be matched against it.
- Dependencies are `dependsOn` alone: what a component contains or provides is not what it needs.

Source: CycloneDX/specification schema/bom-1.2 to bom-1.7; predicate type `https://cyclonedx.org/bom`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from services.evidence.domain.kinds import cyclonedx_schema, cyclonedx_xml, sbom_text
from services.evidence.domain.kinds.packages import Inventory, canonical_purl, digest
from services.evidence.domain.kinds.reading import Moment, Part, Reading
from services.evidence.domain.kinds.wrapped import unwrapped


class _License(Part):
    id: str | None = None
    name: str | None = None


class _LicenseChoice(Part):
    license: _License | None = None
    expression: str | None = None

    def text(self) -> str:
        named = self.license or _License()
        return self.expression or named.id or named.name or ""


class _Hash(Part):
    algorithm: str = Field(alias="alg")
    content: str


class _Component(Part):
    reference: str | None = Field(default=None, alias="bom-ref")
    purl: str | None = None
    version: str | None = None
    licenses: tuple[_LicenseChoice, ...] | None = None
    hashes: tuple[_Hash, ...] | None = None
    components: tuple[_Component, ...] | None = None


class _Metadata(Part):
    timestamp: Moment | None = None
    component: _Component | None = None


class _Dependency(Part):
    ref: str
    needed: tuple[str, ...] | None = Field(default=None, alias="dependsOn")


class _Header(Part):
    form: Literal["CycloneDX"] = Field(alias="bomFormat")
    version: Literal["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"] = Field(alias="specVersion")


class _Bom(_Header):
    serial: str | None = Field(default=None, alias="serialNumber")
    metadata: _Metadata | None = None
    components: tuple[_Component, ...] | None = None
    dependencies: tuple[_Dependency, ...] | None = None


def read(predicate: Mapping[str, Any]) -> Reading:
    """The bill of materials in `predicate`. Raises pydantic's `ValidationError` or `UnreadableError`."""
    document = unwrapped(predicate)
    if isinstance(document, bytes):
        text = sbom_text.decoded(document)
        if sbom_text.is_xml(text):
            return _inventoried(_Bom.model_validate(cyclonedx_xml.parsed(text)))
        document = sbom_text.parsed_json(text)
    cyclonedx_schema.check(document, _Header.model_validate(document).version)
    return _inventoried(_Bom.model_validate(document))


def _inventoried(bom: _Bom) -> Reading:
    inventory = Inventory()
    for component in _walk(bom.components):
        hashes = (digest(one.algorithm, one.content) for one in component.hashes or ())
        inventory.add(
            [component.purl] if component.purl else [],
            reference=component.reference,
            version=component.version,
            licenses=[choice.text() for choice in component.licenses or ()],
            digests=[one for one in hashes if one is not None],
        )
    for dependency in bom.dependencies or ():
        inventory.relate(dependency.ref, dependency.needed or ())
    metadata = bom.metadata or _Metadata()
    described = metadata.component.purl if metadata.component else None
    return inventory.reading(
        "cyclonedx",
        bom.version,
        claimed_at=metadata.timestamp,
        document_id=bom.serial,
        described=canonical_purl(described) if described else None,
        relationship_count=len(bom.dependencies or ()),
    )


def _walk(components: tuple[_Component, ...] | None) -> Iterator[_Component]:
    waiting = list(reversed(components or ()))
    while waiting:
        component = waiting.pop()
        yield component
        waiting.extend(reversed(component.components or ()))
