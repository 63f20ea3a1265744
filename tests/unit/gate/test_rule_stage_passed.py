from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.circumstances import Circumstances, StagePassage
from contracts.vocabulary import Outcome, PromotionKind
from shared.errors import Invalid
from shared.policy.rules import RuleAnswer, check
from tests.unit.gate.gate_builders import NOW, VERSION, context_for, dossier, policy, rule, rule_of

QA = rule("stage_passed", stage="qa")


def passage(to_stage: str = "qa", *, days: int = 1, **changes: Any) -> StagePassage:
    fields: dict[str, Any] = {
        "kind": PromotionKind.PROMOTE,
        "from_stage": "dev",
        "to_stage": to_stage,
        "release": False,
        "at": NOW - timedelta(days=days),
        "promotion_id": "p1",
    }
    return StagePassage(**(fields | changes))


def answer(written: dict[str, Any], *passed: StagePassage) -> RuleAnswer:
    held = dossier(circumstances=Circumstances(passed=passed))
    return check(rule_of(written), held, context_for(held))


def test_who_entered_the_stage_has_passed_its_entry_rollbacks_included() -> None:
    given = answer(QA, passage())
    assert given.outcome is Outcome.ALLOW
    assert given.observed == "It passed the entry gate of qa at 2026-11-19T12:00:00.000000Z."
    assert given.required == "This version has passed the entry gate of qa."
    assert given.valid_until is None
    for kind in PromotionKind:
        assert answer(QA, passage(kind=kind)).outcome is Outcome.ALLOW


def test_who_has_not_may_still() -> None:
    given = answer(QA, passage("staging"))
    assert (given.outcome, given.awaits) == (Outcome.PENDING, "promotion")
    assert given.observed == "It has not passed the entry gate of qa."
    assert given.remedy == "Ask for its promotion to qa first."
    assert [(one.artifact, one.severity) for one in given.violations] == [(VERSION, None)]


@pytest.mark.parametrize(
    ("left", "outcome"),
    [
        (passage("prod", from_stage="qa"), Outcome.ALLOW),
        (passage("prod", from_stage="qa", kind=PromotionKind.RELEASE), Outcome.ALLOW),
        (passage("dev", from_stage="qa", kind=PromotionKind.ROLLBACK), Outcome.PENDING),
        (passage("dev", from_stage="qa", kind=PromotionKind.DEMOTE), Outcome.PENDING),
        (passage("qa", from_stage="qa", kind=PromotionKind.RECERTIFY), Outcome.PENDING),
        (passage("qa"), Outcome.PENDING),
    ],
)
def test_the_exit_is_passed_by_leaving_for_a_later_stage(left: StagePassage, outcome: Outcome) -> None:
    given = answer(QA | {"gate": "exit"}, left)
    assert given.outcome is outcome
    assert given.remedy in {"", "Ask for its promotion from qa to the stage that follows first."}


def test_the_release_gate_is_passed_by_entering_as_a_release() -> None:
    written = rule("stage_passed", stage="prod", gate="release")
    assert answer(written, passage("prod")).outcome is Outcome.PENDING
    assert answer(written, passage("prod")).remedy == "Ask for its release into prod first."
    assert answer(written, passage("prod", release=True)).outcome is Outcome.ALLOW
    assert answer(written, passage("prod", release=True, kind=PromotionKind.RECERTIFY)).outcome is Outcome.ALLOW
    assert answer(written, passage("qa", release=True)).outcome is Outcome.PENDING


def test_the_newest_passage_decides_whether_it_was_recent_to_the_last_moment() -> None:
    written = QA | {"within": "3d"}
    given = answer(written, passage(days=9), passage(days=3))
    assert (given.outcome, given.valid_until) == (Outcome.ALLOW, NOW)
    old = answer(written, passage(days=9), passage(days=4))
    assert old.outcome is Outcome.PENDING
    assert old.observed == ("It passed the entry gate of qa last at 2026-11-16T12:00:00.000000Z, more than 3d ago.")
    assert old.required == "This version has passed the entry gate of qa, at most 3d ago."


def test_a_passage_by_waivers_can_be_refused() -> None:
    waived = passage(waivers=("w1",))
    written = QA | {"without_waivers": True}
    assert answer(QA, waived).outcome is Outcome.ALLOW
    given = answer(written, waived)
    assert (given.outcome, given.awaits) == (Outcome.DENY, None)
    assert given.observed == "It passed the entry gate of qa only by waivers: w1."
    assert given.remedy == "Correct what the waivers were for in a new version, and promote that."
    assert answer(written, waived, passage(days=5)).outcome is Outcome.ALLOW


def test_order_never_matters() -> None:
    one, other = passage(days=1), passage(days=2, promotion_id="p2")
    written = QA | {"within": "30d"}
    assert answer(written, one, other) == answer(written, other, one)


@pytest.mark.parametrize("wrong", [{"gate": "middle"}, {"within": "soon"}, {"stage": "*"}, {"without_waivers": "so"}])
def test_what_says_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        policy(QA | wrong)
