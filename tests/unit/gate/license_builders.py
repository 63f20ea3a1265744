"""Bills of materials with licences, and the rule about them, for tests of the rule kind `licenses`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from contracts.circumstances import Circumstances
from contracts.facts import EvidenceItem, LicenseUse, SbomFacts
from contracts.vocabulary import Outcome
from shared.policy.rules import RuleAnswer, check
from tests.unit.gate.gate_builders import (
    WHEEL,
    context_for,
    dossier,
    item,
    rule,
    rule_of,
)

DAY = timedelta(days=1)
A, B, C = "pkg:npm/a@1", "pkg:npm/b@1", "pkg:npm/c@1"
LISTS = rule(
    "licenses",
    allow=["MIT", "Apache-2.0", "LGPL-2.1-or-later"],
    deny=["GPL-*", "AGPL-3.0-only"],
    review=["MPL-*", "LicenseRef-*"],
    signer_role="build",
)


def use(expression: str, *components: str, count: int | None = None) -> LicenseUse:
    return LicenseUse(expression=expression, count=len(components) if count is None else count, components=components)


def bill(*uses: LicenseUse, **fields: Any) -> SbomFacts:
    unlicensed = fields.get("unlicensed")
    count = sum(one.count for one in (*uses, *([unlicensed] if unlicensed else [])))
    written = {"format": "cyclonedx", "spec_version": "1.6", "component_count": count, "licenses": uses} | fields
    return SbomFacts(**written)


def attached(*uses: LicenseUse, name: str = "sbom-1", fields: Any = None, **changes: Any) -> EvidenceItem:
    return item(name, bill(*uses, **(fields or {})), **({"role": "build", "subjects": (WHEEL,)} | changes))


def answer(written: dict[str, Any], *items: EvidenceItem, **circumstances: Any) -> RuleAnswer:
    held = dossier(*items, circumstances=Circumstances(**circumstances))
    return check(rule_of(written), held, context_for(held))


def outcome(expression: str, **lists: Any) -> Outcome:
    return answer(rule("licenses", **lists) if lists else LISTS, attached(use(expression, A))).outcome


ALLOW, DENY, PENDING = Outcome.ALLOW, Outcome.DENY, Outcome.PENDING
