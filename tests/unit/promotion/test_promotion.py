"""The saga's table: every state with every fact, the late, doubled and foreign ones included."""

from datetime import timedelta
from typing import Any, get_args

import pytest

from contracts.vocabulary import GateKind, Mode, Outcome, PromotionKind, PromotionState, utc
from services.promotion.domain import saga
from services.promotion.domain.facts import (
    Admitted,
    Cancelled,
    DeadlinePassed,
    Fact,
    Superseded,
    Thawed,
    TrainBroken,
    TrainReady,
)
from services.promotion.domain.promotion import FINAL, Doing
from services.promotion.domain.saga import MAX_STALE
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
    FROZEN,
    HOLD,
    LONGER,
    MOVING,
    NOW,
    OTHER_DIGEST,
    PASSAGE,
    PLACES,
    QUEUED,
    a_finding,
    a_promotion,
    a_verdict,
    advance,
    after,
    attested,
    moved,
    place_of,
    refused,
    requested,
    withdrawn,
)

S = PromotionState
FACTS: dict[str, Fact] = {
    "admitted": Admitted(),
    "allow": ALLOW,
    "held-allow": a_verdict(Outcome.ALLOW, name="vd-held", hold=HOLD),
    "tests": AWAITS_TESTS,
    "approval": AWAITS_APPROVAL,
    "deny": a_verdict(Outcome.DENY),
    "error": a_verdict(Outcome.ERROR),
    "allow-2": a_verdict(Outcome.ALLOW, attempt=2),
    "deny-2": a_verdict(Outcome.DENY, attempt=2),
    "foreign-allow": a_verdict(Outcome.ALLOW, digest=OTHER_DIGEST),
    "other-kind": a_verdict(Outcome.ALLOW, kind=PromotionKind.ROLLBACK),
    "other-gates": a_verdict(Outcome.ALLOW, gates=frozenset({("qa", GateKind.ENTRY)})),
    "expired-allow": a_verdict(Outcome.ALLOW, name="vd-expired", expires_at=NOW),
    "expired-allow-2": a_verdict(Outcome.ALLOW, attempt=2, name="vd-expired", expires_at=NOW),
    "expired-deny": a_verdict(Outcome.DENY, name="vd-expired", expires_at=NOW),
    "thawed": Thawed(None),
    "still-frozen": Thawed(HOLD),
    "frozen-longer": Thawed(LONGER),
    "holds": attested(),
    "stale": attested(stale="evidence changed"),
    "foreign-holds": attested(verdict_id="vd-other"),
    "holds-2": attested(2),
    "train-ready": TrainReady(),
    "train-broken": TrainBroken("cart 2.0 was denied"),
    "moved": moved(),
    "moved-2": moved(2),
    "foreign-moved": moved(digest=OTHER_DIGEST),
    "too-old": refused("verdict_expired"),
    "too-old-2": refused("verdict_expired", 2),
    "elsewhere": refused("version_elsewhere"),
    "elsewhere-2": refused("version_elsewhere", 2),
    "group": refused("group_refused"),
    "withdrawn": withdrawn(),
    "withdrawn-2": withdrawn(2),
    "superseded": Superseded("2.0", "pr-2"),
    "deadline": DeadlinePassed(),
}
Place = tuple[PromotionState, Doing | None, int]
STOPPED: dict[str, Place] = {
    "superseded": (S.CANCELLED, None, 1),
    "train-broken": (S.CANCELLED, None, 1),
    "deadline": (S.EXPIRED, None, 1),
}
FROM_CHECKING: dict[str, Place] = {
    "allow": (S.APPLYING, Doing.ATTEST, 1),
    "held-allow": (S.AWAITING_APPROVAL, None, 1),
    # Too old to act on: the gates are asked again. A denial keeps its power.
    "expired-allow": (S.CHECKING, Doing.EVALUATE, 2),
    "expired-deny": (S.DENIED, None, 1),
    "tests": (S.CHECKING, None, 1),
    "approval": (S.AWAITING_APPROVAL, None, 1),
    "deny": (S.DENIED, None, 1),
    "error": (S.DENIED, None, 1),
    **STOPPED,
}
TABLE: dict[str, dict[str, Place]] = {
    "queued": {"admitted": (S.CHECKING, Doing.EVALUATE, 1), **STOPPED},
    "checking": FROM_CHECKING,
    # The verdict it has, once more, changes nothing.
    "awaiting": {fact: place for fact, place in FROM_CHECKING.items() if fact != "approval"},
    "frozen": {
        "thawed": (S.CHECKING, Doing.EVALUATE, 2),
        "frozen-longer": (S.AWAITING_APPROVAL, None, 1),
        **STOPPED,
    },
    "attesting": {
        "holds": (S.APPLYING, Doing.MOVE, 1),
        "stale": (S.CHECKING, Doing.EVALUATE, 2),
        # What there is to take back is known when the passage is signed.
        "train-broken": (S.APPLYING, Doing.ATTEST, 1),
    },
    "gathering": {
        "train-ready": (S.APPLYING, Doing.MOVE, 1),
        "train-broken": (S.COMPENSATING, Doing.WITHDRAW, 1),
    },
    "moving": {
        "moved": (S.COMPLETED, None, 1),
        "too-old": (S.CHECKING, Doing.EVALUATE, 2),
        "elsewhere": (S.COMPENSATING, Doing.WITHDRAW, 1),
        "group": (S.APPLYING, Doing.GATHER, 1),
        "train-broken": (S.COMPENSATING, Doing.WITHDRAW, 1),
    },
    "again": {
        "allow-2": (S.APPLYING, Doing.ATTEST, 2),
        "expired-allow-2": (S.CHECKING, Doing.EVALUATE, 3),
        "deny-2": (S.DENIED, None, 2),
        **{fact: (state, None, 2) for fact, (state, _, _) in STOPPED.items()},
    },
    "compensating": {"withdrawn": (S.FAILED, None, 1)},
}
UNSEEN = {("attesting", "train-broken")}
"""Nothing for people to see happens yet: the state stays, and so does the history."""


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("place", PLACES)
def test_every_fact_in_every_place_does_what_the_table_says(place: str, fact: str) -> None:
    before = PLACES[place]
    then = saga.advance(before, FACTS[fact], DEADLINE)
    expected = TABLE[place].get(fact)
    if expected is None:
        # What is learnt about passages that are over is owed to the log, whatever becomes of the promotion.
        assert isinstance(then, saga.Ignored) or (fact in OF_PASSAGES and place_of(then) == place_of(before)), then
        assert not isinstance(then, saga.Ignored) or then.why
        return
    assert not isinstance(then, saga.Ignored), then.why
    assert place_of(then) == expected
    if (place, fact) in UNSEEN:
        return
    assert then.stepped_at == DEADLINE
    assert len(then.history) == len(before.history) + 1
    assert (then.history[-1].state, then.history[-1].at) == (then.state, DEADLINE)
    assert then.history[-1].because
    assert then.history[-1].attempt == then.attempt


OF_PASSAGES = {"holds", "stale", "foreign-holds", "withdrawn"}


def test_the_table_of_the_saga_names_every_state() -> None:
    assert set(saga.TABLE) == set(S)
    assert {fact for steps in saga.TABLE.values() for fact in steps} == set(get_args(Fact)), "each leads somewhere"


ENDS: dict[PromotionState, tuple[Any, ...]] = {
    S.COMPLETED: (ALLOW, attested(), moved()),
    S.DENIED: (FACTS["deny"],),
    S.CANCELLED: (Cancelled("ann", "changed my mind"),),
    S.EXPIRED: (DeadlinePassed(),),
    S.FAILED: (ALLOW, attested(), refused("version_elsewhere"), withdrawn()),
}


@pytest.mark.parametrize("state", sorted(FINAL))
def test_an_end_is_an_end(state: PromotionState) -> None:
    end = after(*ENDS[state], at=DEADLINE)
    assert (end.state, end.doing) == (state, None)
    for fact in FACTS.values():
        then = advance(end, fact, DEADLINE)
        assert then.model_copy(update={"withdrawals": end.withdrawals}) == end
    with pytest.raises(Conflict) as late:
        advance(end, Cancelled("ann", ""), DEADLINE)
    assert late.value.code == "promotion_ended"


def test_what_was_signed_for_a_move_that_was_refused_is_withdrawn_before_it_fails() -> None:
    compensating = after(ALLOW, attested(), refused("version_elsewhere"))
    assert compensating.history[-1].because == "said the registry"
    [told] = compensating.withdrawals
    assert (told.attempt, told.passage_digest) == (1, PASSAGE)
    failed = advance(compensating, withdrawn(), NOW)
    assert (failed.state, failed.withdrawals) == (S.FAILED, ())
    assert advance(failed, attested(), NOW) is failed, "the same passage is not owed twice"
    with pytest.raises(Conflict) as late:
        advance(compensating, Cancelled("ann", ""), NOW)
    assert late.value.code == "promotion_compensating"


def test_after_a_day_it_ends_though_the_log_does_not_say_so_yet() -> None:
    compensating = after(ALLOW, attested(), refused("version_elsewhere"))
    day = timedelta(days=1)
    assert advance(compensating, DeadlinePassed(), NOW + day - timedelta(milliseconds=1)) is compensating
    ended = advance(compensating, DeadlinePassed(), NOW + day)
    assert (ended.state, len(ended.withdrawals)) == (S.FAILED, 1)
    assert ended.history[-1].because == "said the registry; its passage is not withdrawn yet"
    assert advance(ended, withdrawn(), NOW + day).withdrawals == (), "it is learnt all the same"


def test_a_passage_that_went_stale_is_withdrawn_while_the_gates_judge_again() -> None:
    again = after(ALLOW, attested(stale="evidence changed"))
    assert [one.attempt for one in again.withdrawals] == [1]
    assert advance(again, withdrawn(), NOW).withdrawals == ()


def test_a_passage_that_is_signed_after_the_end_of_its_attempt_is_withdrawn() -> None:
    too_late = a_verdict(Outcome.ALLOW, expires_at=NOW + timedelta(minutes=1))
    again = advance(after(too_late), DeadlinePassed(), NOW + timedelta(minutes=2))
    assert place_of(again) == (S.CHECKING, Doing.EVALUATE, 2)
    late = advance(again, attested(), NOW)
    assert (place_of(late), [one.attempt for one in late.withdrawals]) == (place_of(again), [1])
    ended = advance(again, a_verdict(Outcome.DENY, attempt=2), NOW)
    assert [one.attempt for one in advance(ended, attested(), NOW).withdrawals] == [1]


def test_while_the_verdict_is_good_a_signature_is_waited_for() -> None:
    assert advance(ATTESTING, DeadlinePassed(), DEADLINE) is ATTESTING


def test_a_train_that_breaks_while_a_passage_is_signed_takes_it_back_afterwards() -> None:
    broken = advance(ATTESTING, TrainBroken("cart 2.0 was denied"), NOW)
    taken_back = advance(broken, attested(), NOW)
    assert place_of(taken_back) == (S.COMPENSATING, Doing.WITHDRAW, 1)
    ended = advance(taken_back, withdrawn(), NOW)
    assert (ended.state, taken_back.history[-1].because) == (S.CANCELLED, "cart 2.0 was denied")


def test_waiting_for_a_freeze_is_no_stale_attempt() -> None:
    promotion = CHECKING
    for attempt in range(1, 3 * MAX_STALE):
        promotion = advance(promotion, a_verdict(Outcome.ALLOW, attempt=attempt, hold=HOLD), NOW)
        assert promotion.history[-1].because == f"every gate allows it; frozen by holidays until {utc(HOLD.until)}"
        promotion = advance(promotion, Thawed(None), NOW)
    assert place_of(promotion) == (S.CHECKING, Doing.EVALUATE, 3 * MAX_STALE)


@pytest.mark.parametrize("before", [QUEUED, CHECKING, AWAITING, FROZEN, AGAIN])
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
    assert place_of(requested()) == (S.REQUESTED, None, 1)
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
    for attempt in range(1, MAX_STALE + 2):
        assert place_of(promotion) == (S.CHECKING, Doing.EVALUATE, attempt)
        promotion = advance(promotion, a_verdict(Outcome.ALLOW, attempt=attempt), NOW)
        promotion = advance(promotion, attested(attempt, stale="evidence changed"), NOW)
    assert place_of(promotion) == (S.COMPENSATING, Doing.WITHDRAW, MAX_STALE + 1)
    for attempt in range(1, MAX_STALE + 2):
        promotion = advance(promotion, withdrawn(attempt), NOW)
    assert place_of(promotion) == (S.FAILED, None, MAX_STALE + 1)
