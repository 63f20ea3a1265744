from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.findings import Finding
from contracts.vocabulary import GateKind, Mode, Outcome
from shared.errors import Invalid
from shared.policy.house_rules import HOUSE_POLICY_DIGEST
from shared.policy.policy import read_policy
from shared.policy.rules.combined import Combination, Part, combine
from tests.unit.gate.gate_builders import NOW, document, dossier, failed, item, judge, passed, policy, rule, sbom

ALLOW, DENY, PENDING, ERROR = Outcome.ALLOW, Outcome.DENY, Outcome.PENDING, Outcome.ERROR
ONE, TWO = rule("tests_passed", id="one"), rule("required_evidence", id="two", evidence="sbom")
SOON, LATER = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
[ALL, ANY] = policy(
    rule("all_of", rules=[ONE, TWO]),
    rule("any_of", rules=[ONE | {"id": "three"}, TWO | {"id": "four"}]),
).spec.rules


def part(outcome: Outcome, *waived: str, until: datetime | None = None, **changes: Any) -> Part:
    finding = Finding(
        policy="p",
        policy_digest=HOUSE_POLICY_DIGEST,
        rule="r",
        title=f"Rule {outcome}",
        gate=GateKind.ENTRY,
        stage="prod",
        mode=Mode.BLOCK,
        outcome=outcome,
        observed=f"It is {outcome}.",
        required="Good.",
        remedy="" if outcome is ALLOW else f"Mend {outcome}.",
        waived=waived,
    )
    return Part(finding.model_copy(update=changes), until)


def together(which: Any, *parts: Part) -> Combination:
    return combine(which, parts)


@pytest.mark.parametrize(
    ("one", "other", "all_of", "any_of"),
    [
        (ALLOW, ALLOW, ALLOW, ALLOW),
        (ALLOW, DENY, DENY, ALLOW),
        (ALLOW, PENDING, PENDING, ALLOW),
        (ALLOW, ERROR, ERROR, ALLOW),
        (DENY, PENDING, DENY, PENDING),
        (DENY, ERROR, ERROR, DENY),
        (PENDING, ERROR, ERROR, PENDING),
        (DENY, DENY, DENY, DENY),
        (ERROR, ERROR, ERROR, ERROR),
    ],
)
def test_all_hold_or_one_does(one: Outcome, other: Outcome, all_of: Outcome, any_of: Outcome) -> None:
    for parts in ((part(one), part(other)), (part(other), part(one))):
        assert together(ALL, *parts).outcome is all_of
        assert together(ANY, *parts).outcome is any_of


def test_every_part_must_last_or_the_longest() -> None:
    soon, later, ever = part(ALLOW, until=SOON), part(ALLOW, until=LATER), part(ALLOW)
    assert together(ALL, later, soon, ever).valid_until == SOON
    assert together(ANY, soon, later).valid_until == LATER
    assert together(ANY, soon, ever).valid_until is None
    assert together(ANY, soon, part(DENY, until=LATER)).valid_until == SOON


def test_time_lets_all_pass_at_the_last_moment_and_any_at_the_first() -> None:
    soon, later, never = part(PENDING, passes_at=SOON), part(PENDING, passes_at=LATER), part(PENDING)
    assert together(ALL, soon, later).passes_at == LATER
    assert together(ANY, soon, later).passes_at == SOON
    assert together(ALL, soon, never).passes_at is None
    assert together(ANY, soon, never).passes_at == SOON
    assert together(ALL, soon, part(DENY)).passes_at is None


def test_a_waived_part_counts_as_passed_and_the_waiver_is_told() -> None:
    waived = part(DENY, "w1", until=SOON)
    whole = together(ALL, waived, part(ALLOW))
    assert (whole.outcome, whole.waived, whole.valid_until) == (DENY, ("w1",), SOON)
    other_way = together(ANY, waived, part(ALLOW, until=LATER))
    assert (other_way.outcome, other_way.waived, other_way.valid_until) == (ALLOW, (), LATER)
    first_way = together(ANY, part(PENDING), waived, part(DENY, "w2"))
    assert (first_way.waived, first_way.valid_until) == (("w1",), SOON)


def test_where_waivers_are_not_enough_what_is_left_answers() -> None:
    left = together(ALL, part(DENY, "w1"), part(PENDING, passes_at=SOON, awaits="tests"))
    assert (left.outcome, left.waived, left.passes_at, left.awaits) == (PENDING, (), SOON, "tests")
    assert "Rule pending" in left.observed
    assert "Rule deny" not in left.observed


def test_what_passed_asks_for_nothing() -> None:
    passing = together(ANY, part(ALLOW), part(PENDING, passes_at=SOON, awaits="approval"))
    assert (passing.remedy, passing.awaits, passing.passes_at) == ("", None, None)


def test_remedies_are_joined_and_approvals_are_awaited_last() -> None:
    parts = (part(PENDING, awaits="approval"), part(PENDING, awaits="tests", remedy="Run the tests."))
    assert together(ALL, *parts).remedy == "Mend pending. Run the tests."
    assert together(ANY, *parts).remedy == "Mend pending. Or: Run the tests."
    assert together(ANY, *parts).awaits == "tests"
    assert together(ANY, parts[0], part(DENY)).awaits == "approval"


def test_the_finding_shows_every_part() -> None:
    written = policy(rule("any_of", rules=[ONE, TWO]))
    [finding] = judge(dossier(item("e1", failed())), written).findings
    assert (finding.outcome, finding.violation_count) == (PENDING, 2)
    assert [(one.rule, one.outcome) for one in finding.parts] == [("one", DENY), ("two", PENDING)]
    assert finding.observed.startswith("0 of 2 hold; Rule required_evidence: There is no verified sbom evidence")
    assert finding.required == "One of these: Rule tests_passed, Rule required_evidence."
    good = judge(dossier(item("e1", failed()), item("e2", sbom())), written)
    assert (good.outcome, good.findings[0].evidence) == (ALLOW, ("e2",))


def test_evidence_that_was_not_needed_limits_nothing() -> None:
    written = policy(rule("any_of", rules=[ONE | {"max_age": "1d"}, TWO]))
    held = dossier(item("e1", passed()), item("e2", sbom()))
    assert judge(held, written).valid_until is None
    assert judge(dossier(item("e1", passed())), written).valid_until is not None


def nested(depth: int, name: str = "x") -> dict[str, Any]:
    inner = [nested(depth - 1, f"{name}-x")] if depth > 1 else [ONE | {"id": f"{name}-leaf"}]
    return rule("all_of", id=name, rules=inner)


def test_four_may_lie_inside_each_other_and_no_reader_is_exhausted() -> None:
    read_policy(document(nested(4)))
    with pytest.raises(Invalid) as raised:
        read_policy(document(nested(5)))
    assert "at most 4 combined rules can lie inside each other" in raised.value.message
    for depth in (30, 200, 900):
        deep = ONE
        for number in range(depth):
            deep = rule("all_of", id=f"d{number}", rules=[deep])
        with pytest.raises(Invalid):
            read_policy(document(deep))


@pytest.mark.parametrize(
    "wrong",
    [
        rule("all_of", rules=[]),
        rule("any_of", rules=[]),
        rule("any_of", rules=[ONE]),
        rule("all_of"),
        rule("all_of", rules=[ONE, ONE]),
        rule("all_of", rules=[ONE | {"effective_on": "2027-01-01"}]),
    ],
)
def test_36_what_asks_for_nothing_or_for_two_things_at_once_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read_policy(document(wrong))
