"""Whatever arrives in whatever order: no move without an allowing verdict of the same attempt and digest."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import Outcome, PromotionState
from services.promotion.domain.facts import Cancelled, DeadlinePassed, VerdictGiven
from services.promotion.domain.promotion import FINAL, Doing
from services.promotion.domain.saga import MAX_STALE
from shared.errors import Conflict
from tests.unit.promotion.promotion_builders import (
    DIGEST,
    NOW,
    OTHER_DIGEST,
    a_promotion,
    a_verdict,
    advance,
    attested,
    moved,
    refused,
)

attempts = st.integers(1, 3)
digests = st.sampled_from([DIGEST, DIGEST, OTHER_DIGEST])
# Most of them allow: other outcomes end the sequence, and nothing would be explored.
outcomes = st.sampled_from([Outcome.ALLOW, Outcome.ALLOW, Outcome.PENDING, Outcome.DENY])
verdicts = st.builds(
    lambda outcome, attempt, digest, minute: a_verdict(outcome, attempt=attempt, digest=digest, minute=minute),
    outcomes,
    attempts,
    digests,
    st.integers(0, 2),
)
facts = st.lists(
    st.one_of(
        verdicts,
        verdicts,
        st.builds(attested, attempts, stale=st.sampled_from(["", "", "changed"])),
        st.builds(moved, attempts, digests),
        st.builds(refused, st.sampled_from(["verdict_expired", "version_elsewhere"]), attempts),
        st.just(Cancelled("ann", "")),
        st.just(DeadlinePassed()),
    ),
    max_size=14,
)


def allowed(heard: list[Any], attempt: int) -> bool:
    return any(
        isinstance(fact, VerdictGiven)
        and (fact.verdict.outcome, fact.verdict.attempt, fact.version_digest) == (Outcome.ALLOW, attempt, DIGEST)
        for fact in heard
    )


@given(facts)
def test_nothing_is_applied_without_an_allowing_verdict_of_its_attempt_and_digest(sequence: list[Any]) -> None:
    promotion = a_promotion()
    for number, fact in enumerate(sequence):
        with suppress(Conflict):
            promotion = advance(promotion, fact, NOW)
        if promotion.state in {PromotionState.APPLYING, PromotionState.COMPLETED}:
            assert allowed(sequence[: number + 1], promotion.attempt)
            assert promotion.verdict is not None
            assert (promotion.verdict.outcome, promotion.verdict.attempt) == (Outcome.ALLOW, promotion.attempt)
        if promotion.doing is Doing.MOVE or promotion.state is PromotionState.COMPLETED:
            assert promotion.passage_digest is not None


@given(facts, facts)
def test_ends_absorb_everything(sequence: list[Any], later: list[Any]) -> None:
    promotion = a_promotion()
    for fact in [*sequence, DeadlinePassed(), *later]:
        before = promotion
        with suppress(Conflict):
            promotion = advance(promotion, fact, NOW + timedelta(days=1))
        if before.state in FINAL:
            # What was signed too late still has to be withdrawn in the log; nothing else is learnt any more.
            assert promotion.model_copy(update={"withdrawals": before.withdrawals}) == before
        assert before.attempt <= promotion.attempt <= MAX_STALE + 1
        assert promotion.history[: len(before.history)] == before.history


@given(facts)
def test_hearing_everything_twice_changes_nothing(sequence: list[Any]) -> None:
    once, twice = a_promotion(), a_promotion()
    for fact in sequence:
        with suppress(Conflict):
            once = advance(once, fact, NOW)
        for _ in range(2):
            with suppress(Conflict):
                twice = advance(twice, fact, NOW)
    assert once == twice
