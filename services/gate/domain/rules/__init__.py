"""The rule kinds, one file each. The union is closed: a kind added here must be judged in `check` to type-check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, assert_never

from pydantic import Field

from services.gate.domain.dossier import Dossier
from services.gate.domain.rules import approvals, required_evidence, tests_passed, vulnerability_limit
from services.gate.domain.rules.approvals import Approvals
from services.gate.domain.rules.required_evidence import RequiredEvidence
from services.gate.domain.rules.rule import RuleAnswer, RuleContext, RuleHead
from services.gate.domain.rules.tests_passed import TestsPassed
from services.gate.domain.rules.vulnerability_limit import VulnerabilityLimit

__all__ = [
    "RULE_KINDS",
    "Approvals",
    "RequiredEvidence",
    "Rule",
    "RuleAnswer",
    "RuleContext",
    "TestsPassed",
    "VulnerabilityLimit",
    "check",
]

Rule = Annotated[
    RequiredEvidence | VulnerabilityLimit | TestsPassed | Approvals,
    Field(discriminator="kind"),
]

RULE_KINDS: Mapping[str, type[RuleHead]] = {
    "required_evidence": RequiredEvidence,
    "vulnerability_limit": VulnerabilityLimit,
    "tests_passed": TestsPassed,
    "approvals": Approvals,
}
"""By the word people write under `kind`."""


def check(rule: Rule, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """The answer of one rule about one dossier."""
    match rule:
        case RequiredEvidence():
            return required_evidence.check(rule, dossier, context)
        case VulnerabilityLimit():
            return vulnerability_limit.check(rule, dossier, context)
        case TestsPassed():
            return tests_passed.check(rule, dossier, context)
        case Approvals():
            return approvals.check(rule, dossier, context)
        case _:
            assert_never(rule)
