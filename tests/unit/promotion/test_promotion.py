"""The saga's table: every state with every fact, the late, doubled and foreign ones included."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.vocabulary import Mode, Outcome, PromotionState
from services.promotion.domain.facts import Cancelled, DeadlinePassed, Fact
from services.promotion.domain.promotion import FINAL, MAX_ATTEMPTS, Doing, advance
from shared.errors import Conflict
from tests.unit.promotion.promotion_builders import (
    AGAIN,
    ALLOW,
    ATTESTING,
    AWAITING,
    AWAITS_APPROVAL,
    AWAITS_TESTS,
    CHECKING,
    DEADLINE,
    DIGEST,
    MOVING,
    NOW,
    OTHER_DIGEST,
    PASSAGE,
    PLACES,
    a_finding,
    a_promotion,
    a_verdict,
    after,
    attested,
    moved,
    place_of,
    refused,
)

S = PromotionState
FACTS: dict[str, Fact] = {
    "allow": ALLOW,
    "tests": AWAITS_TESTS,
    "approval": AWAITS_APPROVAL,
    "deny": a_verdict(Outcome.DENY),
    "error": a_verdict(Outcome.ERROR),
    "allow-2": a_verdict(Outcome.ALLOW, attempt=2),
    "deny-2": a_verdict(Outcome.DENY, attempt=2),
    "foreign-allow": a_verdict(Outcome.ALLOW, digest=OTHER_DIGEST),
    "expired-allow": a_verdict(Outcome.ALLOW, name="vd-expired", expires_at=NOW),
    "expired-allow-2": a_verdict(Outcome.ALLOW, attempt=2, name="vd-expired", expires_at=NOW),
    "expired-deny": a_verdict(Outcome.DENY, name="vd-expired", expires_at=NOW),
    "holds": attested(),
    "stale": attested(stale="evidence changed"),
    "foreign-holds": attested(verdict_id="vd-other"),
    "holds-2": attested(2),
    "moved": moved(),
    "moved-2": moved(2),
    "foreign-moved": moved(digest=OTHER_DIGEST),
    "too-old": refused("verdict_expired"),
    "too-old-2": refused("verdict_expired", 2),
    "elsewhere": refused("version_elsewhere"),
    "elsewhere-2": refused("version_elsewhere", 2),
    "deadline": DeadlinePassed(),
}
Place = tuple[PromotionState, Doing | None, int]
FROM_CHECKING: dict[str, Place] = {
    "allow": (S.APPLYING, Doing.ATTEST, 1),
    # Too old to act on: the gates are asked again. A denial keeps its power.
    "expired-allow": (S.CHECKING, Doing.EVALUATE, 2),
    "expired-deny": (S.DENIED, None, 1),
    "tests": (S.CHECKING, None, 1),
    "approval": (S.AWAITING_APPROVAL, None, 1),
    "deny": (S.DENIED, None, 1),
    "error": (S.DENIED, None, 1),
    "deadline": (S.EXPIRED, None, 1),
}
TABLE: dict[str, dict[str, Place]] = {
    "checking": FROM_CHECKING,
    # The verdict it has, once more, changes nothing.
    "awaiting": {fact: place for fact, place in FROM_CHECKING.items() if fact != "approval"},
    "attesting": {"holds": (S.APPLYING, Doing.MOVE, 1), "stale": (S.CHECKING, Doing.EVALUATE, 2)},
    "moving": {
        "moved": (S.COMPLETED, None, 1),
        "too-old": (S.CHECKING, Doing.EVALUATE, 2),
        "elsewhere": (S.FAILED, None, 1),
    },
    "again": {
        "allow-2": (S.APPLYING, Doing.ATTEST, 2),
        "expired-allow-2": (S.CHECKING, Doing.EVALUATE, 3),
        "deny-2": (S.DENIED, None, 2),
        "deadline": (S.EXPIRED, None, 2),
    },
}


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("place", PLACES)
def test_every_fact_in_every_place_does_what_the_table_says(place: str, fact: str) -> None:
    before = PLACES[place]
    then = advance(before, FACTS[fact], DEADLINE)
    expected = TABLE[place].get(fact)
    if expected is None:
        assert then is before
        return
    assert place_of(then) == expected
    assert then.stepped_at == DEADLINE
    assert len(then.history) == len(before.history) + 1
    assert (then.history[-1].state, then.history[-1].at) == (then.state, DEADLINE)
    assert then.history[-1].because


ENDS: dict[PromotionState, tuple[Any, ...]] = {
    S.COMPLETED: (ALLOW, attested(), moved()),
    S.DENIED: (FACTS["deny"],),
    S.CANCELLED: (Cancelled("ann", "changed my mind"),),
    S.EXPIRED: (DeadlinePassed(),),
    S.FAILED: (ALLOW, attested(), refused("version_elsewhere")),
}


@pytest.mark.parametrize("state", sorted(FINAL))
def test_an_end_is_an_end(state: PromotionState) -> None:
    end = after(*ENDS[state], at=DEADLINE)
    assert (end.state, end.doing) == (state, None)
    for fact in FACTS.values():
        assert advance(end, fact, DEADLINE) is end
    with pytest.raises(Conflict) as late:
        advance(end, Cancelled("ann", ""), DEADLINE)
    assert late.value.code == "promotion_ended"


@pytest.mark.parametrize("before", [CHECKING, AWAITING, AGAIN])
def test_what_waits_can_be_cancelled(before: Any) -> None:
    then = advance(before, Cancelled("rita", "not today"), NOW)
    assert then.state is S.CANCELLED
    assert then.history[-1].because == "cancelled by rita: not today"


@pytest.mark.parametrize("before", [ATTESTING, MOVING])
def test_what_is_being_applied_cannot_be_cancelled(before: Any) -> None:
    with pytest.raises(Conflict) as refusal:
        advance(before, Cancelled("rita", ""), NOW)
    assert refusal.value.code == "promotion_applying"


def test_before_its_deadline_nothing_expires() -> None:
    assert advance(CHECKING, DeadlinePassed(), DEADLINE - timedelta(milliseconds=1)) is CHECKING


def test_a_promotion_begins_by_asking_the_gates() -> None:
    begun = a_promotion(reason="the fix")
    assert place_of(begun) == (S.CHECKING, Doing.EVALUATE, 1)
    assert [(step.state, step.because) for step in begun.history] == [
        (S.REQUESTED, "the fix"),
        (S.CHECKING, "the gates are asked"),
    ]


def test_only_blocking_findings_decide_whether_approvals_alone_are_missing() -> None:
    approval = a_finding(Outcome.PENDING, awaits="approval")
    tests = a_finding(Outcome.PENDING, awaits="tests")
    shadow = a_finding(Outcome.PENDING, awaits="tests", mode=Mode.SHADOW)
    assert after(a_verdict(Outcome.PENDING, approval, shadow)).state is S.AWAITING_APPROVAL
    assert after(a_verdict(Outcome.PENDING, approval, tests)).state is S.CHECKING
    assert after(a_verdict(Outcome.PENDING, shadow)).state is S.CHECKING


def test_an_overtaken_verdict_does_not_replace_a_newer_one() -> None:
    newer = a_verdict(Outcome.PENDING, a_finding(Outcome.PENDING, awaits="approval"), name="vd-new", minute=2)
    older = a_verdict(Outcome.PENDING, a_finding(Outcome.PENDING, awaits="tests"), name="vd-old", minute=1)
    waiting = after(newer)
    assert advance(waiting, older, NOW) is waiting
    assert after(older, newer) != after(older)


def test_the_first_verdict_of_an_attempt_counts_whatever_the_clock_of_its_judge() -> None:
    judged_by_a_slow_clock = a_verdict(Outcome.ALLOW, attempt=2, minute=-5)
    assert advance(AGAIN, judged_by_a_slow_clock, NOW).state is S.APPLYING


def test_another_attempt_looks_at_the_evidence_anew_and_forgets_the_passage() -> None:
    again = after(ALLOW, attested(), refused("verdict_expired"))
    assert again.positions == {DIGEST: 9}
    assert (again.passage_digest, again.log_index) == (None, None)


def test_an_end_says_what_led_to_it() -> None:
    done = after(ALLOW, attested(), moved())
    assert (done.passage_digest, done.log_index, done.replaced) == (PASSAGE, 7, "0.9")
    assert after(FACTS["deny"]).history[-1].because == "A rule: what was there"
    assert after(AWAITS_TESTS, DeadlinePassed(), at=DEADLINE).history[-1].because == "awaits tests"


def test_a_verdict_that_is_stale_every_time_fails_in_the_end() -> None:
    promotion = a_promotion()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert place_of(promotion) == (S.CHECKING, Doing.EVALUATE, attempt)
        promotion = advance(promotion, a_verdict(Outcome.ALLOW, attempt=attempt), NOW)
        promotion = advance(promotion, attested(attempt, stale="evidence changed"), NOW)
    assert place_of(promotion) == (S.FAILED, None, MAX_ATTEMPTS)
