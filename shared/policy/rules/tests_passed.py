"""Tests must have passed, for every artifact.

- Only the result `passed` without a failed test is good; `warned` is not.
- A run that passed fewer than `min_passed` tests has shown too little and denies.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.facts import EvidenceItem, TestFacts
from contracts.findings import Violation
from shared.policy.dossier import Dossier
from shared.policy.duration import Duration
from shared.policy.rules.coverage import Demand, cover
from shared.policy.rules.rule import RuleAnswer, RuleContext, RuleHead, SignerRole, WholeNumber


class TestsPassed(RuleHead):
    """What people write for this rule."""

    __test__ = False
    kind: Literal["tests_passed"]
    signer_role: SignerRole | None = None
    max_age: Duration | None = None
    min_passed: Annotated[WholeNumber, Field(ge=1)] = 1


def check(rule: TestsPassed, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when the newest test result for every artifact passed; deny when one did not."""
    demand = Demand(kind="tests", signer_role=rule.signer_role, max_age=rule.max_age)
    return cover(
        demand,
        dossier,
        context,
        required=f"Every artifact has {demand.words}, that passed with at least {rule.min_passed} passed tests.",
        faults=lambda item, _: [Violation(says=why)] if (why := _fault(item, rule.min_passed)) else [],
        remedy="Correct what fails, run the tests again and attach the new result.",
    )


def _fault(item: EvidenceItem, min_passed: int) -> str | None:
    facts = item.facts
    if not isinstance(facts, TestFacts):
        raise TypeError(f"{item.evidence_id} carries {facts.kind}, not tests")
    if facts.result != "passed" or facts.failed:
        names = f" ({', '.join(facts.failed_names[:3])})" if facts.failed_names else ""
        return f"{item.evidence_id} says {facts.result} with {facts.failed} failed tests{names}"
    if facts.passed < min_passed:
        return f"{item.evidence_id} passed only {facts.passed} tests"
    return None
