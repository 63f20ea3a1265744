"""How versions flow: how long they stay in stages, what promotions wait for, why they are denied, what passes at once.

- A promotion waits for what its newest step says, until its next step. Steps have the times that they are told with, so
  their order of arrival does not matter.
- A promotion counts once it has ended, each time and verdict in the bucket of its own moment. So it changes the sums
  that all share once, not at each step; what has not ended is asked for as what waits now.
- Waiting for evidence is told from waiting for time alone (`soak`), for people (`approval`), for the end of a freeze,
  for its turn (`queue`), for the gates' answer (`gates`), and from being signed and moved (`applying`).
- The dwell time of a stage goes from the move into it to the move out of it. A certification in place is no move.
- A gate passes at once when the first verdict of a promotion leaves no blocking rule of that gate open.
- A reason for denial is a rule that denied, or could not be judged, in a verdict that denied: once for each promotion.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from contracts.findings import Finding
from contracts.vocabulary import Mode, Outcome, PromotionKind, PromotionState
from services.monitoring.domain.buckets import Entry
from services.monitoring.domain.sketch import cell

_ORDER = {state: place for place, state in enumerate(PromotionState)}
FINAL = frozenset(
    {
        PromotionState.COMPLETED,
        PromotionState.DENIED,
        PromotionState.CANCELLED,
        PromotionState.EXPIRED,
        PromotionState.FAILED,
    }
)
_STOPS = frozenset({Outcome.DENY, Outcome.ERROR})


class Waiting(StrEnum):
    """What a promotion waits for."""

    QUEUE = "queue"
    GATES = "gates"
    EVIDENCE = "evidence"
    SOAK = "soak"
    APPROVAL = "approval"
    FREEZE = "freeze"
    APPLYING = "applying"
    COMPENSATING = "compensating"


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """A promotion took a step; what follows from it until the next one."""

    at: datetime
    place: int
    """Of its state in the order of states: decides between steps of one moment."""
    state: PromotionState
    on: Waiting | None = None
    """None once it has ended."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one verdict said."""

    id: str
    at: datetime
    denied: bool
    gates: tuple[tuple[str, bool], ...] = ()
    """Each `stage:gate` with whether it let the version pass."""
    reasons: tuple[str, ...] = ()
    """`policy/rule` of what stopped it, sorted."""


@dataclass(frozen=True, slots=True)
class Journey:
    """All that was told of one promotion, in any order."""

    steps: frozenset[Step] = field(default_factory=frozenset)
    judgements: frozenset[Judgement] = field(default_factory=frozenset)

    @property
    def ordered(self) -> list[Step]:
        """Its steps as they came about."""
        return sorted(self.steps, key=lambda one: (one.at, one.place, one.on or ""))

    @property
    def waits(self) -> tuple[Waiting, datetime] | None:
        """What it waits for now, and since when; None once it has ended."""
        steps = self.ordered
        if not steps or steps[-1].on is None:
            return None
        since = steps[-1]
        for one in reversed(steps):
            if one.on is not since.on:
                break
            since = one
        return (since.on, since.at) if since.on else None

    def entries(self) -> tuple[Entry, ...]:
        """What it counts: nothing before it has ended."""
        has_ended = any(one.on is None for one in self.steps)
        return (*self._waited(), *self._judged()) if has_ended else ()

    def _waited(self) -> Iterable[Entry]:
        steps = self.ordered
        for before, after in pairwise(steps):
            if before.on is not None:
                seconds = (after.at - before.at).total_seconds()
                counts = {f"wait:{before.on}:{cell(seconds)}": 1, f"waited:{before.on}": round(seconds)}
                yield Entry(after.at, counts)
        if steps and steps[-1].on is None:
            took = (steps[-1].at - steps[0].at).total_seconds()
            yield Entry(steps[-1].at, {f"ended:{steps[-1].state}": 1, f"took:{cell(took)}": 1})

    def _judged(self) -> Iterable[Entry]:
        ordered = sorted(self.judgements, key=lambda one: (one.at, one.id))
        for one in ordered[:1]:
            passed = {f"passed:{gate}": int(lets) for gate, lets in one.gates}
            yield Entry(one.at, {**{f"judged:{gate}": 1 for gate, _ in one.gates}, **passed})
        told: set[str] = set()
        for one in ordered:
            fresh = [reason for reason in one.reasons if one.denied and reason not in told]
            told.update(fresh)
            if fresh:
                yield Entry(one.at, {f"denied:{reason}": 1 for reason in fresh})


@dataclass(frozen=True, slots=True, order=True)
class Move:
    """A version entered a stage."""

    at: datetime
    id: str
    kind: PromotionKind
    from_stage: str | None
    to_stage: str


def dwelling(moves: Iterable[Move]) -> tuple[Entry, ...]:
    """What the moves of one version count: how long it was in each stage that it has left for another."""
    ordered = sorted(one for one in moves if one.kind is not PromotionKind.RECERTIFY)
    return tuple(
        Entry(after.at, {f"dwell:{before.to_stage}:{cell((after.at - before.at).total_seconds())}": 1})
        for before, after in pairwise(ordered)
        if after.from_stage == before.to_stage and after.to_stage != before.to_stage
    )


def step(
    state: PromotionState,
    at: datetime,
    *,
    outcome: Outcome | None = None,
    findings: Iterable[Finding] = (),
    frozen: bool = False,
) -> Step:
    """A step as it was told."""
    on = None if state in FINAL else _waits(state, outcome, findings, frozen=frozen)
    return Step(at, _ORDER[state], state, on)


def judgement(
    verdict: str, at: datetime, outcome: Outcome, gates: Iterable[tuple[str, str]], findings: Iterable[Finding]
) -> Judgement:
    """A verdict as it was told; `gates` as stage and gate."""
    blocking = [one for one in findings if one.mode is Mode.BLOCK and not one.lets_pass]
    shut = {(one.stage, one.gate.value) for one in blocking}
    reasons = {f"{one.policy}/{one.rule}" for one in blocking if one.outcome in _STOPS}
    passed = tuple((f"{stage}:{gate}", (stage, gate) not in shut) for stage, gate in sorted(set(gates)))
    return Judgement(verdict, at, outcome in _STOPS, passed, tuple(sorted(reasons)))


def _waits(state: PromotionState, outcome: Outcome | None, findings: Iterable[Finding], *, frozen: bool) -> Waiting:
    match state:
        case PromotionState.REQUESTED:
            return Waiting.QUEUE
        case PromotionState.AWAITING_APPROVAL:
            return Waiting.FREEZE if frozen else Waiting.APPROVAL
        case PromotionState.APPLYING:
            return Waiting.APPLYING
        case PromotionState.COMPENSATING:
            return Waiting.COMPENSATING
        case _:
            pending = [one for one in findings if one.outcome is Outcome.PENDING and not one.lets_pass]
            if outcome is not Outcome.PENDING or not pending:
                return Waiting.GATES
            return Waiting.SOAK if all(one.passes_at for one in pending) else Waiting.EVIDENCE
