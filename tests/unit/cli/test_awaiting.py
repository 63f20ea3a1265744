"""What a promotion waits for, in words, and what the command that waited ends with."""

from datetime import timedelta
from typing import Any

import pytest
from rich.text import Text

from contracts.promotion.v1.views import ApprovalView, BrokenGlass, PromotionView
from contracts.vocabulary import ActorKind, GateKind, Mode, Outcome, PromotionState, Role
from services.cli.awaiting import awaited_lines, exit_of, exit_of_all
from services.cli.exits import Exit
from tests.unit.cli.waiting_promotions import NOW, a_finding, a_promotion

S = PromotionState
LATER = NOW + timedelta(hours=3)


def said(promotion: PromotionView) -> list[str]:
    return [Text.from_markup(line).plain for line in awaited_lines(promotion)]


@pytest.mark.parametrize(
    ("state", "outcome", "code"),
    [
        (S.COMPLETED, Outcome.ALLOW, Exit.DONE),
        (S.DENIED, Outcome.DENY, Exit.DENIED),
        (S.DENIED, Outcome.ERROR, Exit.UNAVAILABLE),
        (S.CANCELLED, Outcome.PENDING, Exit.PENDING),
        (S.EXPIRED, Outcome.PENDING, Exit.PENDING),
        (S.FAILED, Outcome.ALLOW, Exit.UNAVAILABLE),
        (S.CHECKING, None, Exit.PENDING),
        (S.AWAITING_APPROVAL, Outcome.PENDING, Exit.PENDING),
        (S.APPLYING, Outcome.ALLOW, Exit.PENDING),
        (S.COMPENSATING, Outcome.ALLOW, Exit.PENDING),
    ],
)
def test_how_it_stands_decides_the_exit_code(state: S, outcome: Outcome | None, code: Exit) -> None:
    assert exit_of(a_promotion(state, outcome=outcome)) == code


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ((S.COMPLETED, S.COMPLETED), Exit.DONE),
        ((S.CANCELLED, S.DENIED, S.EXPIRED), Exit.DENIED),
        ((S.CANCELLED, S.FAILED), Exit.UNAVAILABLE),
        ((S.COMPLETED, S.CHECKING), Exit.PENDING),
    ],
)
def test_what_stopped_a_train_says_more_than_that_others_were_stopped_with_it(
    states: tuple[S, ...], code: Exit
) -> None:
    assert exit_of_all(a_promotion(state) for state in states) == code


@pytest.mark.parametrize(("position", "place"), [(1, "number 1, next"), (4, "number 4, 3 before it")])
def test_its_turn(position: int, place: str) -> None:
    assert said(a_promotion(queue_position=position)) == [f"waits for its turn at prod: {place}"]


def test_a_freeze_and_its_end() -> None:
    frozen = a_promotion(frozen_by="year-end", frozen_until=LATER)
    assert said(frozen) == ["held back by the freeze year-end until 2026-06-01 15:00:00 UTC"]


def test_broken_glass_asks_for_a_second_person_until_there_is_one() -> None:
    known = {"asked_by": "ann", "reason": "The shop is down [now].", "asked_at": NOW, "until": LATER}
    asked = said(a_promotion(broken_glass=BrokenGlass(**known, confirmed_by=None)))
    assert asked[0] == "ann asks to break the freeze: The shop is down [now]."
    assert "second person" in asked[1]
    assert "hallmark promotion break-glass pr-1 -p shop -m REASON" in asked[1]
    broken = said(a_promotion(broken_glass=BrokenGlass(**known, confirmed_by="bob")))
    assert broken == ["glass broken by ann and bob until 2026-06-01 15:00:00 UTC"]


def an_answer(approver: str, **more: Any) -> ApprovalView:
    known = {"approver": approver, "approver_kind": ActorKind.HUMAN, "role": Role.APPROVER, "decision": "approved"}
    digest = "sha256:" + "0" * 64
    return ApprovalView.model_validate(
        {**known, "reason": "", "evidence_set": digest, "at": NOW, "counts": True, **more}
    )


def test_answers_and_whether_they_still_count() -> None:
    answers = (an_answer("ann", reason="Seen."), an_answer("bob", counts=False))
    assert said(a_promotion(approvals=answers)) == [
        "approved by ann, approver: Seen.",
        "approved by bob, approver; withdrawn, since the evidence is another one now",
    ]


def test_a_rule_says_what_it_awaits_from_whom_and_until_when() -> None:
    assert said(a_promotion(findings=(a_finding(),))) == [
        "… prod entry  prod/two-people: Two people",
        "    awaits approval until 2026-06-02 12:00:00 UTC. 1 of 2 approval(s) given.",
        "    → Ask somebody in the role approver.",
    ]


def test_time_alone_lets_a_rule_pass() -> None:
    soaking = a_finding("soak", awaits=None, passes_at=LATER, remedy="", observed="Two hours of five.")
    assert said(a_promotion(findings=(soaking,)))[1:] == [
        "    passes by itself at 2026-06-01 15:00:00 UTC. Two hours of five."
    ]


def test_one_rule_at_two_gates_is_said_once_and_what_stops_nothing_not_at_all() -> None:
    findings = (
        a_finding(),
        a_finding(gate=GateKind.RELEASE),
        a_finding("warned", mode=Mode.WARN),
        a_finding("waived", waived=("wv-1",)),
        a_finding("passed", outcome=Outcome.ALLOW),
        a_finding("other", gate=GateKind.RELEASE, observed="0 of 1."),
    )
    heads = [line for line in said(a_promotion(findings=findings)) if line.startswith("…")]
    assert heads == ["… prod entry and release  prod/two-people: Two people", "… prod release  prod/other: Two people"]


@pytest.mark.parametrize("state", [S.COMPLETED, S.DENIED, S.CANCELLED, S.EXPIRED, S.FAILED])
def test_what_has_ended_waits_for_nothing(state: S) -> None:
    assert said(a_promotion(state, findings=(a_finding(),), queue_position=1, frozen_by="x")) == []
