"""Which gates stand between a version and where it is to go.

- From nowhere: the entry of the first stage. From a stage: its exit, then the entry of the next one.
- Into the last stage: its release gate too.
- Back into a stage (rollback): its entry again, and its release gate again if it has one. The version must have been
  there before.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from contracts.vocabulary import Frozen, GateKind, PromotionKind, StageName
from shared.errors import Conflict, Invalid


@dataclass(frozen=True)
class Stage:
    """One stage of the version's lifecycle."""

    name: StageName
    open: tuple[GateKind, ...]
    release: bool


class Gate(Frozen):
    """One gate to pass; `open` when the lifecycle says that it needs no policy."""

    stage: StageName
    gate: GateKind
    open: bool


class Route(Frozen):
    """Where a promotion goes and what it has to pass."""

    from_stage: StageName | None
    to_stage: StageName
    release: bool
    gates: tuple[Gate, ...]


def next_stage(stages: Sequence[Stage], standing: StageName | None) -> Stage | None:
    """The stage that follows; None after the last one, and when the version stands outside this lifecycle."""
    if standing is None:
        return stages[0]
    names = [stage.name for stage in stages]
    place = names.index(standing) + 1 if standing in names else len(names)
    return stages[place] if place < len(names) else None


def route(
    stages: Sequence[Stage],
    standing: StageName | None,
    entered: AbstractSet[StageName],
    kind: PromotionKind,
    wanted: StageName | None,
) -> Route:
    """The way of a promotion. Raises `Conflict` for ways that do not exist, `Invalid` for unknown stages."""
    if wanted is not None and wanted not in {stage.name for stage in stages}:
        raise Invalid("stage_unknown", f"The lifecycle has no stage {wanted}.", remedy="Name one of its stages.")
    if kind is PromotionKind.ROLLBACK:
        return _way_back(stages, standing, entered, wanted)
    target = next_stage(stages, standing)
    if target is None:
        raise Conflict("promotion_nowhere_to_go", f"No stage follows {standing}.", remedy="It is where it can be.")
    if wanted not in {None, target.name}:
        raise Conflict(
            "promotion_skips_stage", f"The next stage is {target.name}, not {wanted}.", remedy="Go one stage at a time."
        )
    if kind is PromotionKind.RELEASE and not target.release:
        raise Conflict(
            "release_too_early",
            f"The next stage is {target.name}, which is not the release stage.",
            remedy=f"Promote to {target.name} first.",
        )
    leaving = [stage for stage in stages if stage.name == standing]
    gates = [_gate(stage, GateKind.EXIT) for stage in leaving] + _into(target)
    return Route(from_stage=standing, to_stage=target.name, release=target.release, gates=tuple(gates))


def _way_back(
    stages: Sequence[Stage], standing: StageName | None, entered: AbstractSet[StageName], wanted: StageName | None
) -> Route:
    target = next(stage for stage in stages if stage.name == (wanted or stages[-1].name))
    if target.name not in entered:
        raise Conflict(
            "rollback_to_stranger",
            f"This version has never been in {target.name}.",
            remedy="Roll back to a version that has been there.",
        )
    return Route(from_stage=standing, to_stage=target.name, release=target.release, gates=tuple(_into(target)))


def _into(stage: Stage) -> list[Gate]:
    return [_gate(stage, GateKind.ENTRY)] + ([_gate(stage, GateKind.RELEASE)] if stage.release else [])


def _gate(stage: Stage, gate: GateKind) -> Gate:
    return Gate(stage=stage.name, gate=gate, open=gate in stage.open)
