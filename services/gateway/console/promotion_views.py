"""One promotion, as people look at it: which steps it took, what it waits for, and who may answer it: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.gate.v1.views import ConsideredEvidence, VerdictView
from contracts.promotion.v1.views import ApprovalView, PromotionView
from contracts.vocabulary import Outcome, PromotionState
from services.gateway.console.version_views import FINAL
from shared.errors import NotFound

S = PromotionState
WAITING = frozenset({S.REQUESTED, S.CHECKING, S.AWAITING_APPROVAL})
"""It is not decided yet: people can answer, and stop it."""
_WAY = (S.REQUESTED, S.CHECKING, S.AWAITING_APPROVAL, S.APPLYING)
_TITLES = {
    S.REQUESTED: "Requested",
    S.CHECKING: "Checking",
    S.AWAITING_APPROVAL: "Awaiting approval",
    S.APPLYING: "Applying",
    S.COMPENSATING: "Taking back",
    S.COMPLETED: "Completed",
}


@dataclass(frozen=True)
class SagaStep:
    """One station in the picture of a promotion."""

    title: str
    state: str
    """`done`, `now`, `good` and `bad` for an end, `skipped` and `ahead`."""
    at: datetime | None
    says: str
    times: int
    """How often it was there: each attempt checks again."""


@dataclass(frozen=True)
class Wait:
    """One thing that it waits for."""

    what: str
    why: str
    until: datetime | None


@dataclass(frozen=True)
class Changes:
    """How the evidence behind a verdict differs from that behind an earlier one."""

    since: datetime
    since_what: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    """Ids of evidence that counts for something else now."""

    @property
    def any(self) -> bool:
        """Whether it differs at all."""
        return bool(self.added or self.removed or self.changed)


def saga(promotion: PromotionView) -> tuple[SagaStep, ...]:
    """The stations of a promotion up to its end, or up to where it would be completed."""
    ended = promotion.state in FINAL
    way = [*_WAY, *([S.COMPENSATING] if any(one.state is S.COMPENSATING for one in promotion.history) else [])]
    steps = [_station(promotion, one) for one in way]
    end = promotion.history[-1] if ended and promotion.history else None
    title = _TITLES.get(promotion.state, promotion.state.value.capitalize()) if ended else "Completed"
    state = ("good" if promotion.state is S.COMPLETED else "bad") if ended else "ahead"
    steps.append(SagaStep(title, state, end.at if end else None, end.because if end else "", 1 if end else 0))
    return tuple(steps)


def _station(promotion: PromotionView, state: PromotionState) -> SagaStep:
    been = [one for one in promotion.history if one.state is state]
    visits = sum(
        one.state is state and (place == 0 or promotion.history[place - 1].state is not state)
        for place, one in enumerate(promotion.history)
    )
    last = been[-1] if been else None
    if promotion.state is state:
        word = "now"
    elif been:
        word = "done"
    else:
        word = "skipped" if promotion.state in FINAL or _is_past(promotion, state) else "ahead"
    return SagaStep(_TITLES[state], word, last.at if last else None, last.because if last else "", visits)


def _is_past(promotion: PromotionView, state: PromotionState) -> bool:
    place = _WAY.index(promotion.state) if promotion.state in _WAY else len(_WAY)
    return state in _WAY and _WAY.index(state) < place


def waits(promotion: PromotionView) -> tuple[Wait, ...]:
    """What it waits for, and until when; rules that await something are told by the gates themselves."""
    return () if promotion.state in FINAL else tuple(_waits(promotion))


def _waits(promotion: PromotionView) -> Iterator[Wait]:
    if promotion.queue_position is not None:
        ahead = promotion.queue_position - 1
        why = "It is next." if ahead == 0 else f"{ahead} before it."
        yield Wait(f"its turn at {promotion.to_stage}", why, promotion.deadline)
    if promotion.frozen_by:
        yield Wait(f"the end of the freeze {promotion.frozen_by}", "Every gate allows it.", promotion.frozen_until)
    pending = [one for one in promotion.findings if one.outcome is Outcome.PENDING and not one.lets_pass]
    seen: set[tuple[str, str, str]] = set()
    for one in pending:
        key = (one.stage, one.policy, one.rule)
        if key not in seen and one.mode.value == "block":
            seen.add(key)
            what = one.awaits or ("time" if one.passes_at else "a change")
            until = one.passes_at if one.passes_at and not one.awaits else promotion.deadline
            yield Wait(f"{what} at {one.stage}: {one.title}", one.observed, until)


def why_not_answer(promotion: PromotionView, subject: str, *, approver: bool) -> str:
    """Why this person cannot answer for it, in one sentence; empty when the service may take an answer."""
    if promotion.state not in WAITING or promotion.verdict_id is None:
        return "No answer is awaited now."
    if not approver:
        return "Only people with the role approver answer."
    if promotion.requested_by.strip().casefold() == subject.strip().casefold():
        return "You asked for it: somebody else has to answer."
    return ""


def answered_on(promotion: PromotionView) -> tuple[ApprovalView | None, str | None]:
    """The last answer, and the verdict that its author had seen; None where there is none."""
    last = promotion.approvals[-1] if promotion.approvals else None
    if last is None:
        first = next((one.verdict_id for one in promotion.history if one.verdict_id), None)
        return None, first
    before = [one.verdict_id for one in promotion.history if one.at <= last.at and one.verdict_id]
    return last, before[-1] if before else None


def changes(before: VerdictView, now: VerdictView, since_what: str) -> Changes:
    """What became different between two verdicts, as far as evidence is concerned."""
    was, has = _records(before.considered), _records(now.considered)
    return Changes(
        before.judged_at,
        since_what,
        tuple(sorted(has.keys() - was.keys())),
        tuple(sorted(was.keys() - has.keys())),
        tuple(sorted(one for one in was.keys() & has.keys() if was[one] != has[one])),
    )


def _records(considered: Iterable[ConsideredEvidence]) -> dict[str, str]:
    return {one.evidence_id: one.record for one in considered}


def states(chosen: str) -> Sequence[tuple[str, str]]:
    """What a list can be narrowed to; `chosen` is kept even when it is none of them."""
    known = [("", "Every state"), *((one.value, one.value.replace("_", " ")) for one in S)]
    return known if chosen in {value for value, _ in known} else [*known, (chosen, chosen)]


def unknown_answer(word: str) -> NotFound:
    """For addresses that mean no answer."""
    return NotFound("page_unknown", f"Nothing is called {word[:40]} here.", remedy="Begin at the promotion's page.")
