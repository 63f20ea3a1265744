"""The promotion saga: one state table, one function.

| state             | what may happen, and where it leads                                                        |
|-------------------|---------------------------------------------------------------------------------------------|
| requested         | admitted: checking                                                                          |
| checking          | verdict: applying, awaiting_approval, checking, denied                                      |
| awaiting_approval | verdict: as above; thawed: checking, as another attempt                                     |
| applying          | attested: applying, or checking again when stale; moved: completed; move refused: checking, |
|                   | or compensating; train ready: applying; train broken: compensating                          |
| compensating      | withdrawn: failed, or cancelled; so it ends after a day, whatever the log says              |
| waiting ones      | cancelled, superseded, train broken: cancelled; deadline passed: expired                    |

- What the table does not name changes nothing: it comes back as `Ignored`, with the reason, and is kept for people to
  see. A fact counts only for the attempt, the version digest and the gates that it names.
- An allowance that comes after its end is asked for again, as another attempt; nothing is signed for it. So is one that
  a freeze held back, when the freeze is over.
- Of one attempt's verdicts the last one judged holds, in whatever order they arrive. Waived findings stand in no way.
- Before applying, a deadline expires and a person may cancel. Applying ends by itself: either the version moves, or
  what was signed for it is taken back, which is a state of its own.
- A passage that was signed and did not take place is withdrawn in the log, from whatever state it is heard of.
- `doing` is what the saga has told somebody and waits for; a stalled one is told again, since every receiver knows a
  repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

from contracts.vocabulary import Digest, Outcome, PromotionState, utc
from services.promotion.domain.facts import (
    Admitted,
    Attested,
    Cancelled,
    DeadlinePassed,
    Fact,
    Hold,
    Moved,
    MoveRefused,
    Superseded,
    Thawed,
    TrainBroken,
    TrainReady,
    Verdict,
    VerdictGiven,
    Withdrawn,
)
from services.promotion.domain.promotion import FINAL, WAITING, Doing, Promotion, Transition, Withdrawal
from shared.errors import Conflict

MAX_STALE = 4
"""Attempts that may come to nothing before a promotion fails: the world changes faster than it can be judged."""
COMPENSATES_FOR = timedelta(days=1)
"""How long a promotion that cannot end well waits for the log to say so."""
GROUP_REFUSED = "group_refused"
"""The registry's word for: another member of the train is at fault."""


@dataclass(frozen=True)
class Ignored:
    """A fact that changes nothing, and why."""

    why: str


Step = Callable[[Promotion, Any, datetime], Promotion | Ignored]


def advance(promotion: Promotion, fact: Fact, at: datetime) -> Promotion | Ignored:
    """The promotion after a fact, or why the fact changes nothing.

    Raises `Conflict` for a cancellation that comes too late: somebody waits for its answer.
    """
    step = TABLE[promotion.state].get(type(fact))
    if step is None:
        if isinstance(fact, Cancelled):
            raise _too_late(promotion)
        return Ignored(f"the promotion is {promotion.state}")
    return step(promotion, fact, at)


def begin(requested: Promotion, at: datetime) -> Promotion:
    """A requested promotion, before anybody was asked."""
    return _step(requested, PromotionState.REQUESTED, requested.reason or "requested", at, doing=None)


def _admitted(promotion: Promotion, _: Admitted, at: datetime) -> Promotion:
    return _step(promotion, PromotionState.CHECKING, "the gates are asked", at, doing=Doing.EVALUATE)


def _judged(promotion: Promotion, fact: VerdictGiven, at: datetime) -> Promotion | Ignored:  # noqa: PLR0911 - one per cell
    if why := _foreign(promotion, fact) or _overtaken(promotion.verdict, fact.verdict):
        return Ignored(why)
    if promotion.hold:
        return Ignored("the gates have allowed it, and a freeze holds it back")
    judged = promotion.model_copy(update={"verdict": fact.verdict})
    match fact.verdict.outcome:
        case Outcome.ALLOW if at > fact.verdict.expires_at:
            return _again(judged, f"the verdict was good until {utc(fact.verdict.expires_at)}", judged.positions, at)
        case Outcome.ALLOW if fact.hold:
            return _held(judged, fact.hold, at)
        case Outcome.ALLOW:
            return _step(judged, PromotionState.APPLYING, "every gate allows it", at, doing=Doing.ATTEST)
        case Outcome.PENDING:
            for_people = fact.verdict.awaits_approval_only
            state = PromotionState.AWAITING_APPROVAL if for_people else PromotionState.CHECKING
            return _step(judged, state, awaited(judged), at, doing=None)
        case Outcome.DENY | Outcome.ERROR:
            return _step(judged, PromotionState.DENIED, fact.verdict.reasons, at, doing=None)
        case _:
            assert_never(fact.verdict.outcome)


def _foreign(promotion: Promotion, fact: VerdictGiven) -> str:
    """Why the verdict is about something else; empty when it is about this attempt."""
    if fact.version_digest != promotion.version_digest:
        return "it is about another version"
    if fact.verdict.attempt != promotion.attempt:
        return f"it is about attempt {fact.verdict.attempt}, and this is attempt {promotion.attempt}"
    if fact.kind is not promotion.kind:
        return f"it is about a promotion of kind {fact.kind}"
    if fact.gates != {(gate.stage, gate.gate) for gate in promotion.route.gates}:
        return "it is about other gates"
    return ""


def _overtaken(known: Verdict | None, given: Verdict) -> str:
    """Why a verdict of the same attempt says nothing new; empty when it does."""
    if known is None or known.attempt != given.attempt:
        return ""
    if known.verdict_id == given.verdict_id:
        return "it is known"
    return "a newer one is known" if given.judged_at < known.judged_at else ""


def _held(promotion: Promotion, hold: Hold, at: datetime) -> Promotion:
    because = f"every gate allows it; frozen by {hold.freeze} until {utc(hold.until)}"
    held = promotion.model_copy(update={"hold": hold})
    return _step(held, PromotionState.AWAITING_APPROVAL, because, at, doing=None)


def _thawed(promotion: Promotion, fact: Thawed, at: datetime) -> Promotion | Ignored:
    if promotion.hold is None:
        return Ignored("no freeze holds it back")
    if fact.hold == promotion.hold:
        return Ignored("the freeze is not over")
    if fact.hold:
        return _held(promotion, fact.hold, at)
    # Waiting for a freeze is nobody's fault: it does not count as an attempt gone stale.
    why = f"the freeze {promotion.hold.freeze} holds it back no more"
    return _ask_again(promotion, why, promotion.positions, at)


def _attested(promotion: Promotion, fact: Attested, at: datetime) -> Promotion | Ignored:
    verdict = promotion.verdict
    expected = promotion.doing is Doing.ATTEST and fact.attempt == promotion.attempt
    if not expected or verdict is None or verdict.verdict_id != fact.verdict_id:
        return _late_passage(promotion, fact, at)
    signed = promotion.model_copy(update={"passage_digest": fact.passage_digest, "log_index": fact.log_index})
    if promotion.broken:
        return _compensated(signed, PromotionState.CANCELLED, promotion.broken, at)
    if fact.stale:
        return _again(signed, fact.stale, fact.positions, at)
    because = f"the passage is signed and in the log at {fact.log_index}"
    doing = Doing.GATHER if promotion.train_id else Doing.MOVE
    return _step(signed, PromotionState.APPLYING, because, at, doing=doing)


def _late_passage(promotion: Promotion, fact: Attested, _: datetime) -> Promotion | Ignored:
    """A passage that was signed for an attempt which is over: the log has to say that it did not take place."""
    is_known = fact.passage_digest == promotion.passage_digest
    if is_known or any(one.attempt == fact.attempt for one in promotion.withdrawals):
        return Ignored("it is known")
    if fact.attempt >= promotion.attempt and promotion.state not in FINAL:
        return Ignored("no such passage was asked for")
    late = Withdrawal(attempt=fact.attempt, passage_digest=fact.passage_digest, because="its attempt was over")
    return promotion.model_copy(update={"withdrawals": (*promotion.withdrawals, late)})


def _train_ready(promotion: Promotion, _: TrainReady, at: datetime) -> Promotion | Ignored:
    if promotion.doing is not Doing.GATHER:
        return Ignored("it does not wait for its train")
    return _step(promotion, PromotionState.APPLYING, "every member of the train may move", at, doing=Doing.MOVE)


def _train_broken(promotion: Promotion, fact: TrainBroken, at: datetime) -> Promotion | Ignored:
    if promotion.state in WAITING:
        return _step(promotion, PromotionState.CANCELLED, fact.because, at, doing=None)
    if promotion.doing is Doing.ATTEST:
        # Its passage is being signed: what there is to withdraw is known when that is answered.
        return promotion.model_copy(update={"broken": fact.because}) if not promotion.broken else Ignored("it is known")
    return _compensated(promotion, PromotionState.CANCELLED, fact.because, at)


def _moved(promotion: Promotion, fact: Moved, at: datetime) -> Promotion | Ignored:
    if fact.version_digest != promotion.version_digest:
        return Ignored("it is about another version")
    if promotion.doing is not Doing.MOVE or fact.attempt != promotion.attempt:
        return Ignored(f"no move of attempt {fact.attempt} is awaited")
    after = promotion.model_copy(update={"replaced": fact.replaced})
    because = f"{promotion.version} is in {promotion.route.to_stage}"
    return _step(after, PromotionState.COMPLETED, because, at, doing=None)


def _refused(promotion: Promotion, fact: MoveRefused, at: datetime) -> Promotion | Ignored:
    if promotion.doing is not Doing.MOVE or fact.attempt != promotion.attempt:
        return Ignored(f"no move of attempt {fact.attempt} is awaited")
    if fact.code == "verdict_expired":
        return _again(promotion, fact.message, fact.positions, at)
    if fact.code == GROUP_REFUSED:
        return _step(promotion, PromotionState.APPLYING, fact.message, at, doing=Doing.GATHER)
    return _compensated(promotion, PromotionState.FAILED, fact.message, at)


def _withdrawn(promotion: Promotion, fact: Withdrawn, at: datetime) -> Promotion | Ignored:
    left = tuple(one for one in promotion.withdrawals if one.attempt != fact.attempt)
    if left == promotion.withdrawals:
        return Ignored("no such withdrawal is awaited")
    after = promotion.model_copy(update={"withdrawals": left})
    if promotion.state is not PromotionState.COMPENSATING or left:
        return after
    cause = next(step.because for step in reversed(promotion.history) if step.state is promotion.state)
    because = f"{cause}; the passage is withdrawn in the log at {fact.log_index}"
    return _step(after, promotion.ends_as or PromotionState.FAILED, because, at, doing=None)


def _given_up(promotion: Promotion, _: DeadlinePassed, at: datetime) -> Promotion | Ignored:
    """Nobody has taken it back for a day. Whoever is told to still will, when they can."""
    began = next(step for step in reversed(promotion.history) if step.state is promotion.state)
    if at < began.at + COMPENSATES_FOR:
        return Ignored("what it has said is still being taken back")
    because = f"{began.because}; its passage is not withdrawn yet"
    return _step(promotion, promotion.ends_as or PromotionState.FAILED, because, at, doing=None)


def _cancelled(promotion: Promotion, fact: Cancelled, at: datetime) -> Promotion:
    because = f"cancelled by {fact.by}" + (f": {fact.reason}" if fact.reason else "")
    return _step(promotion, PromotionState.CANCELLED, because, at, doing=None)


def _superseded(promotion: Promotion, fact: Superseded, at: datetime) -> Promotion:
    because = f"superseded by {fact.by_version} ({fact.by_promotion})"
    after = promotion.model_copy(update={"superseded_by": fact.by_version})
    return _step(after, PromotionState.CANCELLED, because, at, doing=None)


def _expired(promotion: Promotion, _: DeadlinePassed, at: datetime) -> Promotion | Ignored:
    if at < promotion.deadline:
        return Ignored("its deadline has not come")
    return _step(promotion, PromotionState.EXPIRED, awaited(promotion), at, doing=None)


def _step_expired(promotion: Promotion, _: DeadlinePassed, at: datetime) -> Promotion | Ignored:
    """Nobody signed the passage while the verdict was good. A move is always answered: it is told again until then."""
    verdict = promotion.verdict
    if promotion.doing is not Doing.ATTEST or verdict is None or at <= verdict.expires_at:
        return Ignored("the step has time left")
    if promotion.broken:
        return _step(promotion, PromotionState.CANCELLED, promotion.broken, at, doing=None)
    because = f"no passage was signed while the verdict was good, until {utc(verdict.expires_at)}"
    return _again(promotion, because, promotion.positions, at)


def _too_late(promotion: Promotion) -> Conflict:
    if promotion.state in FINAL:
        return Conflict(
            "promotion_ended", f"The promotion is {promotion.state} already.", remedy="Look at its history."
        )
    if promotion.state is PromotionState.COMPENSATING:
        return Conflict(
            "promotion_compensating",
            "It is being taken back already.",
            remedy="Wait a moment for its end.",
        )
    return Conflict(
        "promotion_applying",
        "The gates have allowed it and it is being applied: it cannot be cancelled any more.",
        remedy="Wait a moment for its end; a rollback undoes it.",
    )


def _again(promotion: Promotion, because: str, positions: dict[Digest, int], at: datetime) -> Promotion:
    """Judged once more, since the world has changed; too often, and it fails."""
    if promotion.stale >= MAX_STALE and not promotion.train_id:
        why = f"judged {promotion.attempt} times, and stale each time: {because}"
        return _compensated(promotion, PromotionState.FAILED, why, at)
    stale = promotion.model_copy(update={"stale": promotion.stale + 1})
    return _ask_again(stale, because, positions, at)


def _ask_again(promotion: Promotion, because: str, positions: dict[Digest, int], at: datetime) -> Promotion:
    update = {
        "attempt": promotion.attempt + 1,
        "positions": positions,
        "passage_digest": None,
        "log_index": None,
        "hold": None,
        "withdrawals": _owed(promotion, because),
    }
    why = f"judged again, since {because}"
    return _step(promotion.model_copy(update=update), PromotionState.CHECKING, why, at, doing=Doing.EVALUATE)


def _compensated(promotion: Promotion, end: PromotionState, because: str, at: datetime) -> Promotion:
    """On the way to a bad end: by way of the log, when it holds a passage that will not take place."""
    owed = _owed(promotion, because)
    if not owed:
        return _step(promotion, end, because, at, doing=None)
    update = {"withdrawals": owed, "ends_as": end}
    compensating = PromotionState.COMPENSATING
    return _step(promotion.model_copy(update=update), compensating, because, at, doing=Doing.WITHDRAW)


def _owed(promotion: Promotion, because: str) -> tuple[Withdrawal, ...]:
    if promotion.passage_digest is None:
        return promotion.withdrawals
    mine = Withdrawal(attempt=promotion.attempt, passage_digest=promotion.passage_digest, because=because)
    return (*promotion.withdrawals, mine)


def _step(promotion: Promotion, state: PromotionState, because: str, at: datetime, *, doing: Doing | None) -> Promotion:
    ours = promotion.verdict if promotion.verdict and promotion.verdict.attempt == promotion.attempt else None
    step = Transition(
        state=state,
        at=at,
        because=because,
        attempt=promotion.attempt,
        verdict_id=ours.verdict_id if ours else None,
    )
    update = {"state": state, "doing": doing, "stepped_at": at, "history": (*promotion.history, step)}
    return promotion.model_copy(update=update)


def awaited(promotion: Promotion) -> str:
    """What a promotion waits for, in words."""
    if promotion.state is PromotionState.REQUESTED:
        return "awaits its turn"
    if promotion.hold:
        return f"awaits the end of the freeze {promotion.hold.freeze}"
    found = promotion.verdict.awaited if promotion.verdict else ()
    return f"awaits {', '.join(found)}" if found else "awaits the gates"


_STOPPED: Mapping[type[Fact], Step] = {
    Cancelled: _cancelled,
    Superseded: _superseded,
    DeadlinePassed: _expired,
    TrainBroken: _train_broken,
}
_TAKEN_BACK: Mapping[type[Fact], Step] = {Attested: _late_passage, Withdrawn: _withdrawn}
TABLE: Mapping[PromotionState, Mapping[type[Fact], Step]] = {
    PromotionState.REQUESTED: {Admitted: _admitted, **_STOPPED},
    PromotionState.CHECKING: {VerdictGiven: _judged, **_STOPPED, **_TAKEN_BACK},
    PromotionState.AWAITING_APPROVAL: {VerdictGiven: _judged, Thawed: _thawed, **_STOPPED, **_TAKEN_BACK},
    PromotionState.APPLYING: {
        Attested: _attested,
        TrainReady: _train_ready,
        TrainBroken: _train_broken,
        Moved: _moved,
        MoveRefused: _refused,
        DeadlinePassed: _step_expired,
        Withdrawn: _withdrawn,
    },
    PromotionState.COMPENSATING: {DeadlinePassed: _given_up, **_TAKEN_BACK},
    **dict.fromkeys(sorted(FINAL), _TAKEN_BACK),
}
"""What may happen in which state. Final states only ever learn of passages that have to be withdrawn."""
