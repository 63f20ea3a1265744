"""Trying a policy on its test cases: each is decided by the gates' own code, and compared with what is expected.

- Only the policy under test is in force, and the gate is open otherwise: what it says is what is compared.
- A case whose version or gate the policy does not govern fails, unless it expects that: it would test nothing.
- Everything that differs is told, not only the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.findings import Finding
from contracts.vocabulary import GateKind, Outcome, PromotionKind
from services.cli.policies.cases import DEFAULT_AT, WHAT, Case, ExpectedRule, PolicyTest, TestGate
from services.cli.policies.made_versions import make_dossier
from shared.errors import Invalid
from shared.policy.house_rules import Passage
from shared.policy.policy import Policy
from shared.policy.policy_errors import Location, nearest, wrong_value
from shared.policy.rules import each_rule
from shared.policy.verdict import DecisionContext, Verdict, decide, questions
from shared.rego.question import Answer, Question

Asked = Callable[[Sequence[Question]], Mapping[str, Answer]]
"""Whoever asks the Rego engine: answers by the questions' keys."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came out otherwise."""

    about: str
    """`outcome`, or the rule."""
    expected: str
    observed: str
    says: str = ""
    """The finding's own sentence."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one case."""

    case: str
    outcome: Outcome | None
    """What the policy said; None where it does not govern the gate."""
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        """Whether everything came out as expected."""
        return not self.differences


def try_policy(policy: Policy, test: PolicyTest, ask: Asked) -> list[Tried]:
    """Every case of `test`, tried on `policy`. Raises `Invalid` for a case that cannot be understood."""
    return [_try(policy, test, case, ask, ("spec", "cases", number)) for number, case in enumerate(test.spec.cases)]


def _try(policy: Policy, test: PolicyTest, case: Case, ask: Asked, location: Location) -> Tried:
    _know_rules(policy, case, location)
    gate = case.gate or test.spec.gate or _only_gate(policy, location)
    at = case.at or test.spec.at or _any_time(policy, location)
    made = make_dossier(case, policy, gate.stage, at, location)
    governs = policy.governs(made.dossier, gate.stage, gate.gate)
    if not governs or not case.expect.governs:
        return Tried(case.name, None, _about_governing(case, gate, governs=governs))
    usual = PromotionKind.RELEASE if gate.gate is GateKind.RELEASE else PromotionKind.PROMOTE
    context = DecisionContext("", case.requested_by, kind=case.kind or usual)
    passages = (Passage(stage=gate.stage, gate=gate.gate, open=True),)
    if asked := questions([policy], made.dossier, passages, context, at):
        context = replace(context, rego=ask(asked))
    verdict = decide([policy], made.dossier, passages, context, at)
    return Tried(case.name, verdict.outcome, tuple(_differences(case, verdict, made.named)))


def _know_rules(policy: Policy, case: Case, location: Location) -> None:
    """Raises `Invalid` when a case expects something of a rule that the policy does not have."""
    known = sorted(rule.id for rule in each_rule(policy.spec.rules))
    for name in case.expect.rules:
        # Those of Hallmark itself, such as `contents_unknown`, are in no policy.
        if name not in known and "_" not in name:
            why = f"{policy.name} has no rule {name}. {nearest(name, known)}".rstrip(".")
            raise wrong_value((*location, "expect", "rules"), why, what=WHAT)


def _only_gate(policy: Policy, location: Location) -> TestGate:
    gates = policy.spec.gates
    if len(gates) != 1 or "*" in (gates[0].stage, gates[0].gate):
        why = f"{policy.name} does not govern exactly one gate: say which one this case is about"
        raise wrong_value((*location, "gate"), why, what=WHAT)
    return TestGate.model_validate(gates[0].model_dump())


def _any_time(policy: Policy, location: Location) -> datetime:
    if any(policy.effective_on(rule) for rule in policy.spec.rules):
        why = f"{policy.name} has rules that begin to count at some time: say when this case is judged"
        raise wrong_value((*location, "at"), why, what=WHAT)
    return DEFAULT_AT


def _about_governing(case: Case, gate: TestGate, *, governs: bool) -> tuple[Difference, ...]:
    if governs is case.expect.governs:
        return ()
    words = {True: "it governs the gate", False: "it does not govern the gate"}
    says = f"The {gate.gate} gate of {gate.stage}, for {case.given.application} ({case.given.criticality})."
    return (Difference("policy", words[case.expect.governs], words[governs], says),)


def _differences(case: Case, verdict: Verdict, named: Callable[[str], str]) -> Iterator[Difference]:
    expect = case.expect
    if expect.outcome is not None and expect.outcome is not verdict.outcome:
        left = "; ".join(f"{one.rule}: {named(one.observed)}" for one in verdict.findings if not one.lets_pass)
        yield Difference("outcome", expect.outcome.value, verdict.outcome.value, left)
    if expect.may_be_trusted not in (None, verdict.may_be_trusted):
        words = {True: "may be trusted", False: "may not be trusted"}
        yield Difference("release", words[bool(expect.may_be_trusted)], words[verdict.may_be_trusted])
    findings = {one.rule: one for one in _each(verdict.findings)}
    for name, expected in expect.rules.items():
        if name not in findings:
            yield Difference(name, "a finding", "none")
        else:
            yield from _rule_differences(expected, findings[name], named)


def _rule_differences(expected: ExpectedRule, finding: Finding, named: Callable[[str], str]) -> Iterator[Difference]:
    observed = named(finding.observed)

    def differs(wanted: str, got: str) -> Difference:
        return Difference(finding.rule, wanted, got, observed)

    if expected.outcome not in (None, finding.outcome):
        yield differs(str(expected.outcome), finding.outcome.value)
    if expected.waived not in (None, bool(finding.waived)):
        yield differs(_whether("waived", expected.waived), _whether("waived", bool(finding.waived)))
    announced = finding.effective_on is not None
    if expected.announced not in (None, announced):
        yield differs(_whether("announced", expected.announced), _whether("announced", announced))
    said = [observed, *(named(one.says) for one in finding.violations)]
    if expected.says is not None and not any(expected.says in one for one in said):
        yield differs(f"says {expected.says!r}", f"says {observed!r}")
    if expected.remedy is not None and expected.remedy not in finding.remedy:
        yield differs(f"advises {expected.remedy!r}", f"advises {finding.remedy!r}")


def _whether(word: str, holds: bool | None) -> str:
    return word if holds else f"not {word}"


def _each(findings: Iterable[Finding]) -> Iterator[Finding]:
    for one in findings:
        yield one
        yield from _each(one.parts)


def policy_of(test: PolicyTest, policies: Iterable[Policy]) -> Policy:
    """The policy that `test` is for, of those beside it. Raises `Invalid` when there is not exactly one."""
    every = list(policies)
    project = test.metadata.project
    found = [one for one in every if one.name == test.spec.policy and project in (None, one.metadata.project)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Invalid(
            "policy_test_ambiguous",
            f"There are {len(found)} policies {test.spec.policy} in the folder of this test.",
            remedy="Name the project under `metadata` of the test, or keep one of them in another folder.",
        )
    raise Invalid(
        "policy_test_homeless",
        f"There is no policy {test.spec.policy} in the folder of this test.",
        remedy=nearest(test.spec.policy, sorted(one.name for one in every)),
    )
