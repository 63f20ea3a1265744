"""The rule kinds, one file each. The union is closed: a kind added here must be judged in `check` to type-check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, assert_never

from pydantic import Field

from shared.policy.dossier import Dossier
from shared.policy.rules import approvals, required_evidence, tests_passed, vulnerability_limit
from shared.policy.rules.approvals import Approvals
from shared.policy.rules.required_evidence import RequiredEvidence
from shared.policy.rules.rule import RuleAnswer, RuleContext, RuleHead
from shared.policy.rules.tests_passed import TestsPassed
from shared.policy.rules.vulnerability_limit import VulnerabilityLimit

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
