"""OpenVEX documents, 0.2.0 and the older 0.0.1, which wrote vulnerabilities and products as plain texts.

- A statement without a time has the document's; one that has neither is unreadable, and so is an empty document.
- A statement without products speaks of the subjects of the in-toto statement around it.
- `not_affected` needs a justification or an impact statement, `affected` an action statement.
- Statuses and justifications are the specification's words and no others.
- Of several statements about the same only the newest counts (`openvex_order`).
- `author` is required. `version` and unknown fields are not looked at: the newest document is the one with the latest
  statements, and many real documents break the schema there.

Source: openvex/spec OPENVEX-SPEC.md 0.2.0; predicate type `https://openvex.dev/ns`, with a version or without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from contracts.facts import VexProduct, VexStatement, VexStatus
from services.evidence.domain.kinds import vex_statements
from services.evidence.domain.kinds.documents import json_object
from services.evidence.domain.kinds.openvex_order import newest
from services.evidence.domain.kinds.reading import Moment, Part, Reading, UnreadableError

_CONTEXT = re.compile(r"https://openvex\.dev/ns(?:/v(0\.0\.[01]|0\.2\.0))?/?")
_UNVERSIONED = "0.0.1"
_Justification = Literal[
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
]


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _identified(value: Any) -> Any:
    return {"@id": value} if isinstance(value, str) else value


def _absent(value: Any) -> Any:
    return None if value == "" else value


class _Vulnerability(Part):
    iri: str | None = Field(default=None, alias="@id")
    name: str = Field(min_length=1, max_length=200)
    aliases: tuple[str, ...] | None = None


class _Component(Part):
    iri: str = Field(default="", alias="@id", max_length=4096)
    identifiers: dict[str, str] | None = None
    hashes: dict[str, str] | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.name and not self.hashes:
            raise ValueError("has neither an id nor a hash")
        return self

    @property
    def name(self) -> str:
        return (self.identifiers or {}).get("purl") or self.iri

    def digests(self) -> tuple[str, ...]:
        written = (self.hashes or {}).items()
        return tuple(sorted(f"{name.lower().replace('sha-', 'sha')}:{value.lower()}" for name, value in written))


class _Product(_Component):
    parts: tuple[Annotated[_Component, BeforeValidator(_identified)], ...] | None = Field(
        default=None, alias="subcomponents"
    )

    def found(self) -> VexProduct:
        digests = self.digests()
        parts = (vex_statements.identifier(part.name or part.digests()[0]) for part in self.parts or ())
        name = vex_statements.identifier(self.name or digests[0])
        return VexProduct(id=name, digests=digests, subcomponents=tuple(dict.fromkeys(parts)))


class _Statement(Part):
    vulnerability: Annotated[_Vulnerability, BeforeValidator(_named)]
    products: tuple[Annotated[_Product, BeforeValidator(_identified)], ...] | None = None
    status: VexStatus
    justification: Annotated[_Justification | None, BeforeValidator(_absent)] = None
    impact: str | None = Field(default=None, alias="impact_statement")
    action: str | None = Field(default=None, alias="action_statement")
    timestamp: Moment | None = None

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.status == "not_affected" and not (self.justification or self.impact):
            raise ValueError("not_affected has neither a justification nor an impact_statement")
        if self.status == "affected" and not self.action:
            raise ValueError("affected has no action_statement")
        return self


class _Document(Part):
    context: str = Field(alias="@context")
    author: str = Field(min_length=1)
    timestamp: Moment | None = None
    statements: tuple[_Statement, ...] = Field(min_length=1)


def read(predicate: Mapping[str, Any]) -> Reading:
    """The document in `predicate`. Raises pydantic's `ValidationError` or `UnreadableError` when it is none."""
    document = _Document.model_validate(json_object(predicate))
    context = _CONTEXT.fullmatch(document.context)
    if context is None:
        raise UnreadableError("@context", "is not that of OpenVEX 0.0.1 or 0.2.0")
    found = [_statement(one, document, place) for place, one in enumerate(document.statements)]
    return vex_statements.reading("openvex", context[1] or _UNVERSIONED, document.author, newest(found))


def _statement(one: _Statement, document: _Document, place: int) -> VexStatement:
    made_at = one.timestamp or document.timestamp
    if made_at is None:
        raise UnreadableError(f"statements.{place}.timestamp", "is missing, and the document has none either")
    return VexStatement(
        vulnerability=one.vulnerability.name,
        aliases=tuple(alias[:200] for alias in one.vulnerability.aliases or ())[:50],
        status=one.status,
        products=tuple(product.found() for product in one.products or ()),
        justification=one.justification,
        impact=vex_statements.text(one.impact),
        action=vex_statements.text(one.action),
        made_at=made_at,
    )
