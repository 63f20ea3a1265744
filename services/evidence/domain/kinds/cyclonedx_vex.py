"""CycloneDX documents that are VEX: vulnerabilities with an analysis, and no components of their own.

- Such a document has the predicate type of a bill of materials; what is in it tells the two apart (`is_vex`).
- Vulnerabilities without an analysis say nothing here. One with an analysis but no state is unreadable.
- `exploitable` is affected, `in_triage` is being looked into, `resolved` and `resolved_with_pedigree` are fixed,
  `not_affected` and `false_positive` are not affected. The text in `detail` explains.
- `not_affected` needs a justification or a detail, as OpenVEX has it; CycloneDX itself asks for neither.
- An entry of `affects` may tell versions apart by status; the statement then speaks of those whose status fits it.
- Statements about different versions of a product stand beside each other: the document as a whole is replaced by a
  newer one, not its parts.

Source: CycloneDX/specification schema/bom-1.4 to bom-1.7 (vulnerabilities), CycloneDX use case guide for VEX.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from contracts.facts import MAX_LISTED, VexProduct, VexStatement, VexStatus
from services.evidence.domain.kinds import cyclonedx_schema, vex_statements
from services.evidence.domain.kinds.documents import json_object
from services.evidence.domain.kinds.reading import Moment, Part, Reading, UnreadableError
from services.evidence.domain.kinds.wrapped import unwrapped

_STATUSES: Mapping[str, VexStatus] = {
    "exploitable": "affected",
    "in_triage": "under_investigation",
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "not_affected": "not_affected",
    "false_positive": "not_affected",
}
_JUSTIFICATIONS = {
    "code_not_present": "vulnerable_code_not_present",
    "code_not_reachable": "vulnerable_code_not_in_execute_path",
    "protected_by_mitigating_control": "inline_mitigations_already_exist",
}
_LINK = re.compile(r"urn:(?:cdx|uuid):[^#]*#(.+)", re.DOTALL)


class _Analysis(Part):
    state: Literal["exploitable", "in_triage", "resolved", "resolved_with_pedigree", "not_affected", "false_positive"]
    justification: str | None = Field(default=None, max_length=100)
    response: tuple[str, ...] | None = None
    detail: str | None = None
    first_issued: Moment | None = Field(default=None, alias="firstIssued")
    last_updated: Moment | None = Field(default=None, alias="lastUpdated")

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.state == "not_affected" and not (self.justification or self.detail):
            raise ValueError("not_affected has neither a justification nor a detail")
        return self


class _Version(Part):
    version: str | None = Field(default=None, max_length=1024)
    range: str | None = Field(default=None, max_length=4096)
    status: Literal["affected", "unaffected", "unknown"] = "affected"

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.version and not self.range:
            raise ValueError("names neither a version nor a range")
        return self


class _Affected(Part):
    ref: str = Field(min_length=1, max_length=4096)
    versions: tuple[_Version, ...] | None = None

    def fitting(self, status: VexStatus) -> tuple[str, ...]:
        """The versions that a statement of `status` speaks of; all when their statuses do not tell them apart."""
        listed = self.versions or ()
        if len({one.status == "unaffected" for one in listed}) > 1:
            good = status in ("not_affected", "fixed")
            listed = tuple(one for one in listed if (one.status == "unaffected") is good)
        return tuple(one.version or one.range or "" for one in listed)[:MAX_LISTED]


class _Reference(Part):
    id: str | None = None


class _Vulnerability(Part):
    id: str = Field(min_length=1, max_length=200)
    references: tuple[_Reference, ...] | None = None
    recommendation: str | None = None
    analysis: _Analysis | None = None
    affects: tuple[_Affected, ...] | None = None
    updated: Moment | None = None


class _Component(Part):
    ref: str | None = Field(default=None, alias="bom-ref")
    purl: str | None = None
    name: str | None = None


class _Author(Part):
    name: str | None = None


class _Metadata(Part):
    timestamp: Moment | None = None
    component: _Component | None = None
    supplier: _Author | None = None
    manufacturer: _Author | None = None
    authors: tuple[_Author, ...] | None = None

    def author(self) -> str:
        named = (*(self.authors or ()), self.manufacturer, self.supplier)
        return next((one.name for one in named if one and one.name), "")


class _Document(Part):
    format: Literal["CycloneDX"] = Field(alias="bomFormat")
    spec_version: Literal["1.4", "1.5", "1.6", "1.7"] = Field(alias="specVersion")
    metadata: _Metadata = _Metadata()
    components: tuple[_Component, ...] | None = None
    vulnerabilities: tuple[_Vulnerability, ...] = Field(min_length=1)


def is_vex(predicate: Mapping[str, Any]) -> bool:
    """Whether the CycloneDX document in `predicate` is VEX rather than a bill of materials; XML never is, here."""
    try:
        document = unwrapped(predicate)
    except UnreadableError:
        return False
    if isinstance(document, bytes) or document.get("bomFormat") != "CycloneDX":
        return False
    listed = document.get("vulnerabilities")
    if document.get("components") or not isinstance(listed, list):
        return False
    return any(isinstance(one, Mapping) and one.get("analysis") for one in listed)


def read(predicate: Mapping[str, Any]) -> Reading:
    """The document in `predicate`. Raises pydantic's `ValidationError` or `UnreadableError` when it is none."""
    raw = json_object(predicate)
    document = _Document.model_validate(raw)
    cyclonedx_schema.check(raw, document.spec_version)
    metadata = document.metadata
    known = [component for component in (metadata.component, *(document.components or ())) if component]
    purls = {component.ref: component.purl for component in known if component.ref and component.purl}
    found = [_statement(one, one.analysis, purls, metadata) for one in document.vulnerabilities if one.analysis]
    if not found:
        raise UnreadableError("vulnerabilities", "has no analysis")
    return vex_statements.reading("cyclonedx", document.spec_version, metadata.author(), found)


def _statement(one: _Vulnerability, analysis: _Analysis, purls: Mapping[str, str], metadata: _Metadata) -> VexStatement:
    status = _STATUSES[analysis.state]
    detail = vex_statements.text(analysis.detail)
    responses = ", ".join(analysis.response or ())
    return VexStatement(
        vulnerability=one.id,
        aliases=tuple(dict.fromkeys(ref.id[:200] for ref in one.references or () if ref.id))[:50],
        status=status,
        products=tuple(
            VexProduct(id=vex_statements.identifier(_name(found.ref, purls)), versions=found.fitting(status))
            for found in one.affects or ()
        ),
        justification=_JUSTIFICATIONS.get(analysis.justification or "", analysis.justification),
        impact=detail if status == "not_affected" else "",
        action="" if status == "not_affected" else detail or vex_statements.text(one.recommendation or responses),
        made_at=analysis.last_updated or analysis.first_issued or metadata.timestamp or one.updated,
    )


def _name(ref: str, purls: Mapping[str, str]) -> str:
    """The package URL of the component that `ref` points to, in this document or by a BOM-Link; else its own words."""
    link = _LINK.fullmatch(ref)
    return purls.get(ref) or (link[1] if link else ref)
