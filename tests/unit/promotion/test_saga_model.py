"""The saga and a small model of it hear the same facts: late, doubled, foreign and in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts.vocabulary import Outcome, PromotionKind, PromotionState
from services.promotion.domain import facts
from services.promotion.domain.promotion import FINAL, Doing, Promotion
from services.promotion.domain.saga import Ignored, advance
from shared.digests import sha256_digest
from shared.errors import Conflict
from tests.unit.promotion.promotion_builders import (
    DEADLINE,
    DIGEST,
    HOLD,
    LONGER,
    NOW,
    OTHER_DIGEST,
    a_finding,
    a_verdict,
    requested,
)
from tests.unit.promotion.saga_model import SagaModel, TooLateError

S = PromotionState
OUTCOMES = {
    "allow": (Outcome.ALLOW, None),
    "tests": (Outcome.PENDING, "tests"),
    "approval": (Outcome.PENDING, "approval"),
    "deny": (Outcome.DENY, None),
    "error": (Outcome.ERROR, None),
}
HOLDS = {"": None, "short": HOLD, "long": LONGER}
# Most of what is heard is about the attempt at hand: else nothing would be explored beyond the first.
_back = st.sampled_from([0, 0, 0, 0, 1, 2, -1])
_foreign = st.sampled_from(["", "", "", "", "", "digest", "kind", "gates"])
_outcome = st.sampled_from(["allow", "allow", "allow", "tests", "approval", "deny", "error"])


@dataclass(frozen=True)
class Heard:
    """One fact, for both of them."""

    fact: facts.Fact
    told: Callable[[SagaModel], None]


class Saga(RuleBasedStateMachine):
    """One promotion, and everything that it may hear."""

    def __init__(self) -> None:
        super().__init__()
        self.at = NOW
        self.numbers = 0
        self.heard: list[Heard] = []
        self.allowed: set[tuple[str, int]] = set()
        """Verdicts that allow, about this version and its gates: id and attempt."""

    @initialize(in_train=st.booleans(), place=st.sampled_from(["queued", "checking", "attesting", "moving"]))
    def begin(self, in_train: bool, place: str) -> None:
        self.saga = requested(train_id="tr-1" if in_train else None)
        self.model = SagaModel(DEADLINE, in_train)
        self.before = self.saga
        while self.model.place not in {place, "gathering"}:
            self._go_on(good=True, hold="")

    @rule(good=st.sampled_from([True, True, True, False]), hold=st.sampled_from(["", "", "", "short"]))
    def what_is_awaited(self, good: bool, hold: str) -> None:
        self._go_on(good=good, hold=hold)

    def _go_on(self, *, good: bool, hold: str) -> None:
        """The next step, mostly the good one: at random alone hardly anything would come far."""
        match self.model.place:
            case "queued":
                self._hear(facts.Admitted(), SagaModel.admitted)
            case "checking" | "awaiting":
                self._judge(back=0, foreign="", outcome="allow", late=0, hold=hold)
            case "frozen":
                self._hear(facts.Thawed(None), lambda model: model.thawed(""))
            case "attesting":
                self._attest(back=0, stale="" if good else "changed", other=False)
            case "gathering":
                self._hear(facts.TrainReady(), SagaModel.train_ready)
            case "moving" if good:
                self._move(back=0, foreign=False)
            case "moving":
                self._refuse(back=0, code="verdict_expired")
            case _:
                self._withdraw(back=0)

    @rule(times=st.integers(1, 3))
    def it_goes_stale(self, times: int) -> None:
        """The gates allow it, and until it is signed the world has changed."""
        for _ in range(times):
            if self.model.place in {"checking", "awaiting"}:
                self._judge(back=0, foreign="", outcome="allow", late=0, hold="")
                self._attest(back=0, stale="changed", other=False)

    @rule()
    def admitted(self) -> None:
        self._hear(facts.Admitted(), SagaModel.admitted)

    @rule(
        back=_back,
        foreign=_foreign,
        outcome=_outcome,
        late=st.sampled_from([0, 0, 1, 2, 90]),
        hold=st.sampled_from(["", "", *HOLDS]),
    )
    def judged(self, back: int, foreign: str, outcome: str, late: int, hold: str) -> None:
        self._judge(back=back, foreign=foreign, outcome=outcome, late=late, hold=hold)

    def _judge(self, *, back: int, foreign: str, outcome: str, late: int, hold: str) -> None:
        self.numbers += 1
        attempt, name = max(1, self.saga.attempt - back), f"vd-{self.numbers}"
        said, awaits = OUTCOMES[outcome]
        judged_at = self.at - timedelta(minutes=late)
        lies: dict[str, dict[str, Any]] = {
            "digest": {"digest": OTHER_DIGEST},
            "kind": {"kind": PromotionKind.ROLLBACK},
            "gates": {"gates": frozenset()},
        }
        more = lies.get(foreign, {})
        times = {"judged_at": judged_at, "expires_at": judged_at + timedelta(hours=1)}
        given = a_verdict(said, a_finding(said, awaits=awaits), attempt=attempt, name=name, hold=HOLDS[hold], **more)
        fact = facts.VerdictGiven(
            given.version_digest, given.kind, given.gates, given.verdict.model_copy(update=times), given.hold
        )
        if outcome == "allow" and not foreign:
            self.allowed.add((name, attempt))
        self._hear(
            fact,
            lambda model: model.judged(
                self.at,
                name=name,
                attempt=attempt,
                foreign=bool(foreign),
                outcome=outcome,
                judged_at=judged_at,
                hold=hold,
            ),
        )

    @rule(hold=st.sampled_from([*HOLDS]))
    def thawed(self, hold: str) -> None:
        self._hear(facts.Thawed(HOLDS[hold]), lambda model: model.thawed(hold))

    @rule(
        back=_back, stale=st.sampled_from(["", "", "", "changed"]), other=st.sampled_from([False, False, False, True])
    )
    def attested(self, back: int, stale: str, other: bool) -> None:
        self._attest(back=back, stale=stale, other=other)

    def _attest(self, *, back: int, stale: str, other: bool) -> None:
        attempt = max(1, self.saga.attempt - back)
        verdict = "vd-other" if other or self.saga.verdict is None else self.saga.verdict.verdict_id
        passage = sha256_digest(f"passage {attempt}".encode())
        self._hear(
            facts.Attested(attempt, verdict, passage, 7, stale, {DIGEST: 9}),
            lambda model: model.attested(attempt=attempt, verdict=verdict, stale=bool(stale)),
        )

    @rule()
    def train_ready(self) -> None:
        self._hear(facts.TrainReady(), SagaModel.train_ready)

    @precondition(lambda self: self.model.in_train)
    @rule()
    def train_broken(self) -> None:
        self._hear(facts.TrainBroken("another one was denied"), SagaModel.train_broken)

    @rule(back=_back, foreign=st.sampled_from([False, False, False, True]))
    def moved(self, back: int, foreign: bool) -> None:
        self._move(back=back, foreign=foreign)

    def _move(self, *, back: int, foreign: bool) -> None:
        attempt = max(1, self.saga.attempt - back)
        self._hear(
            facts.Moved(attempt, OTHER_DIGEST if foreign else DIGEST, "0.9"),
            lambda model: model.moved(attempt=attempt, foreign=foreign),
        )

    @rule(
        back=_back, code=st.sampled_from(["verdict_expired", "verdict_expired", "version_elsewhere", "group_refused"])
    )
    def refused(self, back: int, code: str) -> None:
        self._refuse(back=back, code=code)

    def _refuse(self, *, back: int, code: str) -> None:
        attempt = max(1, self.saga.attempt - back)
        self._hear(
            facts.MoveRefused(attempt, code, "said the registry", {DIGEST: 9}),
            lambda model: model.refused(attempt=attempt, code=code),
        )

    @rule(back=_back)
    def withdrawn(self, back: int) -> None:
        self._withdraw(back=back)

    def _withdraw(self, *, back: int) -> None:
        attempt = max(1, self.saga.attempt - back)
        self._hear(facts.Withdrawn(attempt, 9), lambda model: model.withdrawn(attempt=attempt))

    @rule()
    def cancelled(self) -> None:
        self._hear(facts.Cancelled("ann", ""), SagaModel.cancelled)

    @rule()
    def superseded(self) -> None:
        self._hear(facts.Superseded("2.0", "pr-2"), SagaModel.superseded)

    @rule()
    def deadline_passed(self) -> None:
        self._hear(facts.DeadlinePassed(), lambda model: model.deadline_passed(self.at))

    @rule(minutes=st.sampled_from([1, 10, 61]))
    def time_passes(self, minutes: int) -> None:
        self.before = self.saga
        self.at += timedelta(minutes=minutes)

    @precondition(lambda self: self.heard)
    @rule(place=st.integers(0, 30), times=st.integers(1, 2))
    def once_more(self, place: int, times: int) -> None:
        """A fact that was heard before comes again, however much has happened since."""
        again = self.heard[-1 - place % len(self.heard)]
        for _ in range(times):
            self._hear(again.fact, again.told)

    def _hear(self, fact: facts.Fact, told: Callable[[SagaModel], None]) -> None:
        self.heard.append(Heard(fact, told))
        self.before = self.saga
        try:
            after = advance(self.saga, fact, self.at)
        except Conflict:
            with pytest.raises(TooLateError):
                told(self.model)
            return
        told(self.model)
        self.saga = self.saga if isinstance(after, Ignored) else after

    @invariant()
    def both_are_in_one_place(self) -> None:
        seen = (place_of(self.saga), self.saga.attempt, {one.attempt for one in self.saga.withdrawals})
        assert seen == (self.model.place, self.model.attempt, self.model.owed)

    @invariant()
    def what_has_ended_stays_so_and_nothing_is_forgotten(self) -> None:
        before, after = self.before, self.saga
        if before.state in FINAL:
            assert after.model_copy(update={"withdrawals": before.withdrawals}) == before
        assert after.attempt in {before.attempt, before.attempt + 1}
        assert after.history[: len(before.history)] == before.history
        assert after.history[-1].state is after.state

    @invariant()
    def nothing_is_applied_without_a_good_allowance_of_its_own(self) -> None:
        before, after = self.before, self.saga
        if after.state is S.APPLYING:
            assert after.verdict is not None
            assert (after.verdict.verdict_id, after.attempt) in self.allowed
            if before.state is not S.APPLYING:
                assert after.verdict.expires_at >= self.at
        if after.state is S.COMPLETED:
            assert after.passage_digest == sha256_digest(f"passage {after.attempt}".encode())
            assert [step.state for step in after.history[-3:]] == [S.APPLYING, S.APPLYING, S.COMPLETED]


def place_of(saga: Promotion) -> str:
    """Where it is, in the model's word."""
    if saga.state is S.APPLYING:
        return {Doing.ATTEST: "attesting", Doing.GATHER: "gathering", Doing.MOVE: "moving"}[
            saga.doing or Doing.WITHDRAW
        ]
    if saga.state is S.AWAITING_APPROVAL:
        return "frozen" if saga.hold else "awaiting"
    return "queued" if saga.state is S.REQUESTED else saga.state.value


TestSaga = Saga.TestCase
TestSaga.settings = settings(
    max_examples=250, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
