"""SPDX bills of materials in JSON, versions 2.2 and 2.3.

- A package is named by its external references of type `purl`; one without a valid one counts as unidentified.
- Concluded and declared licences are both kept; `NOASSERTION` and `NONE` name no licence.
- SPDX 3 is recognised and unreadable: it is another format, and silence would look like an empty document.

Source: SPDX specification 2.3, chapters 6 and 7; predicate type `https://spdx.dev/Document`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from contracts.facts import SbomFacts
from services.evidence.domain.kinds.packages import Inventory
from services.evidence.domain.kinds.reading import Moment, Part, Reading

_NO_LICENSE = frozenset({"NOASSERTION", "NONE", ""})


class _Reference(Part):
    type: str = Field(alias="referenceType")
    locator: str = Field(alias="referenceLocator")


class _Package(Part):
    references: tuple[_Reference, ...] | None = Field(default=None, alias="externalRefs")
    concluded: str | None = Field(default=None, alias="licenseConcluded")
    declared: str | None = Field(default=None, alias="licenseDeclared")


class _Creation(Part):
    created: Moment | None = None


class _Document(Part):
    version: Literal["SPDX-2.2", "SPDX-2.3"] = Field(alias="spdxVersion")
    creation: _Creation | None = Field(default=None, alias="creationInfo")
    packages: tuple[_Package, ...] | None = None


def read(predicate: Mapping[str, Any]) -> Reading:
    """The bill of materials in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    document = _Document.model_validate(predicate)
    inventory = Inventory()
    for package in document.packages or ():
        purls = [item.locator for item in package.references or () if item.type == "purl"]
        licenses = {package.concluded or "", package.declared or ""} - _NO_LICENSE
        inventory.add(purls, licenses)
    components = tuple(inventory.components())
    return Reading(
        SbomFacts(
            format="spdx",
            spec_version=document.version.removeprefix("SPDX-"),
            component_count=len(components),
            unidentified_count=inventory.unidentified,
        ),
        components,
        document.creation.created if document.creation else None,
    )
