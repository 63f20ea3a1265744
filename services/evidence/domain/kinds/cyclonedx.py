"""CycloneDX bills of materials in JSON, specification versions 1.2 to 1.7.

- Components are counted wherever they are nested, each package URL once.
- The component in the metadata is what the document describes, not a part of it, and is not counted.
- One without a valid package URL counts as unidentified: nothing can be matched against it.

Source: CycloneDX/specification schema/bom-1.2 to bom-1.7; predicate type `https://cyclonedx.org/bom`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from contracts.facts import SbomFacts
from services.evidence.domain.kinds.packages import Inventory
from services.evidence.domain.kinds.reading import Moment, Part, Reading


class _License(Part):
    id: str | None = None
    name: str | None = None


class _LicenseChoice(Part):
    license: _License | None = None
    expression: str | None = None

    def text(self) -> str | None:
        if self.expression:
            return self.expression
        return (self.license.id or self.license.name) if self.license else None


class _Component(Part):
    purl: str | None = None
    licenses: tuple[_LicenseChoice, ...] | None = None
    components: tuple[_Component, ...] | None = None


class _Metadata(Part):
    timestamp: Moment | None = None


class _Bom(Part):
    bomFormat: Literal["CycloneDX"]  # noqa: N815 - the format's own name
    specVersion: Literal["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"]  # noqa: N815 - the format's own name
    metadata: _Metadata | None = None
    components: tuple[_Component, ...] | None = None


def read(predicate: Mapping[str, Any]) -> Reading:
    """The bill of materials in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    bom = _Bom.model_validate(predicate)
    inventory = Inventory()
    for component in _walk(bom.components):
        licenses = [choice.text() for choice in component.licenses or ()]
        inventory.add([component.purl] if component.purl else [], [text for text in licenses if text])
    components = tuple(inventory.components())
    return Reading(
        SbomFacts(
            format="cyclonedx",
            spec_version=bom.specVersion,
            component_count=len(components),
            unidentified_count=inventory.unidentified,
        ),
        components,
        bom.metadata.timestamp if bom.metadata else None,
    )


def _walk(components: tuple[_Component, ...] | None) -> Iterator[_Component]:
    for component in components or ():
        yield component
        yield from _walk(component.components)
