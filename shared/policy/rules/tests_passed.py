"""Tests must have passed, for every artifact, and, where it is asked for, have run enough of the code.

- Only the result `passed` without a failed test is good; `warned` is not.
- With `min_pass_rate` failed tests are tolerated down to that rate. A result that is bad without a failed test is not.
- A run that passed fewer than `min_passed` tests has shown too little and denies. Skipped tests count for nothing.
- Required suites must be there, and tolerate no failure whatever the rate.
- How much of the code was run is read from evidence of kind `coverage`; none is pending, too little denies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.facts import EvidenceItem, TestFacts
from contracts.findings import Violation
from shared.policy.dossier import Dossier
from shared.policy.duration import Duration
from shared.policy.rules.code_coverage import too_little
from shared.policy.rules.coverage import Demand, survey
from shared.policy.rules.faults import Judging, faulty, no_names
from shared.policy.rules.percent import Percent, format_percent
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, RuleHead, SignerRole, WholeNumber, listed, weigh
from shared.policy.rules.suites import failed_suites, required_suites

_REMEDY = "Correct what fails, run the tests again and attach the new result."
_COVERAGE_REMEDY = "Test what was not run, run the tests again and attach the new coverage report."
SuiteName = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class TestsPassed(RuleHead):
    """What people write for this rule."""

    __test__ = False
    kind: Literal["tests_passed"]
    signer_role: SignerRole | None = None
    max_age: Duration | None = None
    min_passed: Annotated[WholeNumber, Field(ge=1)] = 1
    min_pass_rate: Percent | None = None
    """Percent of the tests that were not skipped; failed ones are tolerated down to it."""
    suites: Annotated[tuple[SuiteName, ...], Field(min_length=1, max_length=50)] | None = None
    """Names of suites that must be in the newest results, with something passed and nothing failed."""
    max_flaky: Annotated[WholeNumber, Field(ge=0)] | None = None
    max_skipped: Annotated[WholeNumber, Field(ge=0)] | None = None
    min_coverage: Percent | None = None
    """Percent of the lines that the tests must have run."""
    min_branch_coverage: Percent | None = None
    coverage_signer_role: SignerRole | None = None
    """The role of whoever signs coverage evidence; that of the rule when absent."""

    @model_validator(mode="after")
    def _role_has_a_use(self) -> Self:
        if self.coverage_signer_role is not None and not self.wants_coverage:
            raise ValueError("`coverage_signer_role` goes with `min_coverage` or `min_branch_coverage`")
        return self

    @property
    def wants_coverage(self) -> bool:
        """Whether it asks how much of the code was run."""
        return self.min_coverage is not None or self.min_branch_coverage is not None


def check(rule: TestsPassed, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when the newest test result for every artifact passed; deny when one did not."""
    demand = Demand(kind="tests", signer_role=rule.signer_role, max_age=rule.max_age)
    found = survey(demand, dossier, context, required=_required(rule, demand))
    judging = Judging(context, _REMEDY, lambda item, _: _violations(item, rule), _together, no_names)
    problems = [*faulty(found.about, judging), *found.lacking]
    suites = required_suites(rule.suites or (), demand, dossier, found.about, context.at)
    good = replace(found.good, valid_until=_first(found.good.valid_until, suites.valid_until))
    problems += suites.problems
    if rule.wants_coverage:
        more, covered = _coverage(rule, dossier, context)
        problems += more
        good = replace(
            good,
            observed=f"Evidence of tests and coverage covers {listed(dossier.covering)}.",
            evidence=tuple(sorted({*good.evidence, *covered.evidence})),
            valid_until=_first(good.valid_until, covered.valid_until),
        )
    return weigh(problems, context.waivers, good)


def _coverage(rule: TestsPassed, dossier: Dossier, context: RuleContext) -> tuple[list[Problem], RuleAnswer]:
    demand = _coverage_demand(rule)
    found = survey(demand, dossier, context, required="")
    judging = Judging(
        context,
        _COVERAGE_REMEDY,
        lambda item, _: [Violation(says=one) for one in too_little(item, rule.min_coverage, rule.min_branch_coverage)],
        _together,
        no_names,
    )
    return [*faulty(found.about, judging), *found.lacking], found.good


def _coverage_demand(rule: TestsPassed) -> Demand:
    return Demand(kind="coverage", signer_role=rule.coverage_signer_role or rule.signer_role, max_age=rule.max_age)


def _required(rule: TestsPassed, demand: Demand) -> str:
    rate = f" at least {rule.min_pass_rate}% of its tests" if rule.min_pass_rate else ""
    parts = [f"Every artifact has {demand.words}, that passed{rate} with at least {rule.min_passed} passed tests"]
    if rule.suites:
        parts.append(f"something passed and nothing failed in the suites {listed(rule.suites)}")
    if rule.max_flaky is not None:
        parts.append(f"at most {rule.max_flaky} flaky")
    if rule.max_skipped is not None:
        parts.append(f"at most {rule.max_skipped} skipped")
    wanted = [(rule.min_coverage, "lines"), (rule.min_branch_coverage, "branches")]
    covered = " and ".join(f"{percent}% of the {what}" for percent, what in wanted if percent)
    coverage = f"; and {_coverage_demand(rule).words}, of at least {covered}" if covered else ""
    return ", ".join(parts) + coverage + "."


def _violations(item: EvidenceItem, rule: TestsPassed) -> list[Violation]:
    facts = item.facts
    if not isinstance(facts, TestFacts):
        raise TypeError(f"{item.evidence_id} carries {facts.kind}, not tests")
    return [Violation(says=f"{item.evidence_id} {says}") for says in _faults(facts, rule)]


def _faults(facts: TestFacts, rule: TestsPassed) -> Iterator[str]:
    if failed := _failed(facts, rule.min_pass_rate):
        yield failed
    else:
        yield from (f"has {one}" for one in failed_suites(facts, rule.suites or ()))
        if facts.passed < rule.min_passed:
            yield f"passed only {facts.passed} tests"
    if rule.max_flaky is not None and facts.flaky > rule.max_flaky:
        yield f"has {facts.flaky} flaky tests where {rule.max_flaky} are tolerated"
    if rule.max_skipped is not None and facts.skipped > rule.max_skipped:
        yield f"skipped {facts.skipped} tests where {rule.max_skipped} are tolerated"


def _failed(facts: TestFacts, min_pass_rate: str | None) -> str | None:
    names = f" ({', '.join(facts.failed_names[:3])})" if facts.failed_names else ""
    if facts.result == "passed" and not facts.failed:
        return None
    if min_pass_rate is None or not facts.failed:
        return f"says {facts.result} with {facts.failed} failed tests{names}"
    rate = Fraction(100 * facts.passed, facts.passed + facts.failed)
    if rate < Fraction(min_pass_rate):
        reached = f"passed {format_percent(rate)}% of its tests where {min_pass_rate}% are asked for"
        return f"{reached}, with {facts.failed} failed tests{names}"
    return None


def _together(item: EvidenceItem, found: Sequence[Violation]) -> str:
    return f"{item.evidence_id} " + "; ".join(one.says.removeprefix(f"{item.evidence_id} ") for one in found)


def _first(*moments: datetime | None) -> datetime | None:
    return min((one for one in moments if one is not None), default=None)
