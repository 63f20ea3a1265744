"""The promotion saga: one state table, one function.

| state             | allow    | pending   | deny, error | attested: holds | attested: stale | moved     |
|-------------------|----------|-----------|-------------|-----------------|-----------------|-----------|
| checking          | applying | waiting * | denied      | -               | -               | -         |
| awaiting_approval | applying | waiting * | denied      | -               | -               | -         |
| applying          | -        | -         | -           | applying        | checking **     | completed |

- `*`: `awaiting_approval` when nothing but approvals is awaited, else `checking`. `**`: as another attempt.
- `-`: late, doubled or foreign facts change nothing. So does every fact in a final state.
- A fact counts only for the attempt and the version digest that it names.
- An allowance that comes after its end is asked for again, as another attempt; nothing is signed for it.
- Of one attempt's verdicts the last one judged holds, in whatever order they arrive. Waived findings stand in no way.
- Before applying, a deadline expires and a person may cancel. Applying always finishes: it is short, and half of it
  would be worse than either end.
- A refused move for a verdict that got too old begins another attempt; any other refusal fails the promotion.
- `doing` is what the saga has told somebody and waits for; a stalled one is told again, since every receiver knows a
  repeat.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import assert_never

from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    Digest,
    Frozen,
    Outcome,
    ProjectName,
    PromotionKind,
    PromotionState,
    SourceCommit,
    Utc,
    VersionName,
    utc,
)
from services.promotion.domain.facts import (
    Attested,
    Cancelled,
    DeadlinePassed,
    Fact,
    Moved,
    MoveRefused,
    Verdict,
    VerdictGiven,
)
from services.promotion.domain.passages import Route
from shared.errors import Conflict

MAX_ATTEMPTS = 5
WAITING = frozenset({PromotionState.CHECKING, PromotionState.AWAITING_APPROVAL})
FINAL = frozenset(
    {
        PromotionState.COMPLETED,
        PromotionState.DENIED,
        PromotionState.CANCELLED,
        PromotionState.EXPIRED,
        PromotionState.FAILED,
    }
)


class Doing(StrEnum):
    """What somebody was told to do and has not answered yet."""

    EVALUATE = "evaluate"
    ATTEST = "attest"
    MOVE = "move"


class Transition(Frozen):
    """One entry of the history."""

    state: PromotionState
    at: Utc
    because: str


class Promotion(Frozen):
    """One promotion from request to end."""

    promotion_id: str
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    artifacts: tuple[Digest, ...]
    contained: tuple[Digest, ...] = ()
    """The versions in it and their artifacts."""
    kind: PromotionKind
    route: Route
    criticality: Criticality
    owners: tuple[str, ...]
    source: SourceCommit | None
    requested_by: str
    registered_by: str = ""
    reason: str
    requested_at: Utc
    deadline: Utc
    positions: dict[Digest, int]
    """How much evidence the gates must have seen, per subject."""
    state: PromotionState
    doing: Doing | None
    stepped_at: Utc
    attempt: int = 1
    verdict: Verdict | None = None
    passage_digest: Digest | None = None
    log_index: int | None = None
    replaced: VersionName | None = None
    history: tuple[Transition, ...] = ()
    revision: int = 0


def begin(requested: Promotion, at: datetime) -> Promotion:
    """A requested promotion, on its way: the gates are asked."""
    steps = (
        Transition(state=PromotionState.REQUESTED, at=at, because=requested.reason or "requested"),
        Transition(state=PromotionState.CHECKING, at=at, because="the gates are asked"),
    )
    return requested.model_copy(
        update={"state": PromotionState.CHECKING, "doing": Doing.EVALUATE, "stepped_at": at, "history": steps}
    )


def advance(promotion: Promotion, fact: Fact, at: datetime) -> Promotion:  # noqa: PLR0911 - one return per fact
    """The promotion after a fact: the same object when the fact changes nothing (late, doubled, foreign).

    Raises `Conflict` for a cancellation that comes too late: somebody waits for its answer.
    """
    if promotion.state in FINAL and not isinstance(fact, Cancelled):
        return promotion
    match fact:
        case VerdictGiven():
            return _judged(promotion, fact, at)
        case Attested():
            return _attested(promotion, fact, at)
        case Moved():
            return _moved(promotion, fact, at)
        case MoveRefused():
            return _refused(promotion, fact, at)
        case Cancelled(by, reason):
            return _cancelled(promotion, by, reason, at)
        case DeadlinePassed():
            if promotion.state not in WAITING or at < promotion.deadline:
                return promotion
            return _step(promotion, PromotionState.EXPIRED, _awaited(promotion), at, doing=None)
        case _:
            assert_never(fact)


def _judged(promotion: Promotion, fact: VerdictGiven, at: datetime) -> Promotion:
    ours = fact.verdict.attempt == promotion.attempt and fact.version_digest == promotion.version_digest
    if promotion.state not in WAITING or not ours or _overtaken(promotion.verdict, fact.verdict):
        return promotion
    judged = promotion.model_copy(update={"verdict": fact.verdict})
    match fact.verdict.outcome:
        case Outcome.ALLOW if at > fact.verdict.expires_at:
            return _again(judged, f"the verdict was good until {utc(fact.verdict.expires_at)}", judged.positions, at)
        case Outcome.ALLOW:
            return _step(judged, PromotionState.APPLYING, "every gate allows it", at, doing=Doing.ATTEST)
        case Outcome.PENDING:
            for_people = fact.verdict.awaits_approval_only
            state = PromotionState.AWAITING_APPROVAL if for_people else PromotionState.CHECKING
            return _step(judged, state, _awaited(judged), at, doing=None)
        case Outcome.DENY | Outcome.ERROR:
            return _step(judged, PromotionState.DENIED, fact.verdict.reasons, at, doing=None)
        case _:
            assert_never(fact.verdict.outcome)


def _overtaken(known: Verdict | None, given: Verdict) -> bool:
    """Whether the verdict is known, or judged before the one that is known of the same attempt."""
    if known is None or known.attempt != given.attempt:
        return False
    return known.verdict_id == given.verdict_id or given.judged_at < known.judged_at


def _attested(promotion: Promotion, fact: Attested, at: datetime) -> Promotion:
    verdict = promotion.verdict
    expected = promotion.doing is Doing.ATTEST and fact.attempt == promotion.attempt
    if not expected or verdict is None or verdict.verdict_id != fact.verdict_id:
        return promotion
    if fact.stale:
        return _again(promotion, fact.stale, fact.positions, at)
    update = {"passage_digest": fact.passage_digest, "log_index": fact.log_index}
    because = f"the passage is signed and in the log at {fact.log_index}"
    return _step(promotion.model_copy(update=update), PromotionState.APPLYING, because, at, doing=Doing.MOVE)


def _moved(promotion: Promotion, fact: Moved, at: datetime) -> Promotion:
    ours = fact.attempt == promotion.attempt and fact.version_digest == promotion.version_digest
    if promotion.doing is not Doing.MOVE or not ours:
        return promotion
    after = promotion.model_copy(update={"replaced": fact.replaced})
    return _step(
        after, PromotionState.COMPLETED, f"{promotion.version} is in {promotion.route.to_stage}", at, doing=None
    )


def _refused(promotion: Promotion, fact: MoveRefused, at: datetime) -> Promotion:
    if promotion.doing is not Doing.MOVE or fact.attempt != promotion.attempt:
        return promotion
    if fact.code == "verdict_expired":
        return _again(promotion, fact.message, fact.positions, at)
    return _step(promotion, PromotionState.FAILED, fact.message, at, doing=None)


def _cancelled(promotion: Promotion, by: str, reason: str, at: datetime) -> Promotion:
    if promotion.state in FINAL:
        raise Conflict("promotion_ended", f"The promotion is {promotion.state} already.", remedy="Look at its history.")
    if promotion.state not in WAITING:
        raise Conflict(
            "promotion_applying",
            "The gates have allowed it and it is being applied: it cannot be cancelled any more.",
            remedy="Wait a moment for its end; a rollback undoes it.",
        )
    because = f"cancelled by {by}" + (f": {reason}" if reason else "")
    return _step(promotion, PromotionState.CANCELLED, because, at, doing=None)


def _again(promotion: Promotion, because: str, positions: dict[Digest, int], at: datetime) -> Promotion:
    if promotion.attempt >= MAX_ATTEMPTS:
        why = f"judged {MAX_ATTEMPTS} times, and stale each time: {because}"
        return _step(promotion, PromotionState.FAILED, why, at, doing=None)
    update = {
        "attempt": promotion.attempt + 1,
        "positions": positions,
        "passage_digest": None,
        "log_index": None,
    }
    why = f"judged again, since {because}"
    return _step(promotion.model_copy(update=update), PromotionState.CHECKING, why, at, doing=Doing.EVALUATE)


def _step(promotion: Promotion, state: PromotionState, because: str, at: datetime, *, doing: Doing | None) -> Promotion:
    step = Transition(state=state, at=at, because=because)
    update = {"state": state, "doing": doing, "stepped_at": at, "history": (*promotion.history, step)}
    return promotion.model_copy(update=update)


def _awaited(promotion: Promotion) -> str:
    awaited = promotion.verdict.awaited if promotion.verdict else ()
    return f"awaits {', '.join(awaited)}" if awaited else "awaits the gates"
