"""Which gates stand between a version and where it is to go.

- From nowhere: the entry of the first stage. From a stage: its exit, then the entry of the next one.
- Into a release stage: its release gate too. Release stages come last and are parallel: a version goes into any of them
  from the last stage before them, in whatever order, wherever among them it stands already.
- Back into a stage (rollback, demote): its entry again, and its release gate again if it has one. The version must have
  been there before, and a demotion leads to an earlier stage than the one it stands in.
- In place (recertify): as for coming back, into the stage where it stands.
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


@dataclass(frozen=True)
class Whereabouts:
    """Where a version stands, and where it has been."""

    stage: StageName | None
    """The stage that it entered last, and has not left backwards."""
    entered: AbstractSet[StageName] = frozenset()
    """Those that it has entered and not left backwards since."""
    current_in: AbstractSet[StageName] = frozenset()
    quarantined_in: AbstractSet[StageName] = frozenset()


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


def next_stages(stages: Sequence[Stage], where: Whereabouts) -> tuple[Stage, ...]:
    """Those that the version may enter now: none after the last, and none when it stands outside this lifecycle."""
    names = [stage.name for stage in stages]
    if where.stage is not None and where.stage not in names:
        return ()
    place = names.index(where.stage) if where.stage is not None else -1
    rest = stages[place + 1 :]
    if (place >= 0 and stages[place].release) or (rest and rest[0].release):
        # One that it holds and is not current in is entered again by a rollback.
        return tuple(one for one in stages if one.release and one.name not in {where.stage, *where.entered})
    return tuple(rest[:1])


def route(stages: Sequence[Stage], where: Whereabouts, kind: PromotionKind, wanted: StageName | None) -> Route:
    """The way of a promotion. Raises `Conflict` for ways that do not exist, `Invalid` for stages not or ill named."""
    if wanted is not None and wanted not in {stage.name for stage in stages}:
        names = ", ".join(stage.name for stage in stages)
        raise Invalid("stage_unknown", f"The lifecycle has no stage {wanted}.", remedy=f"Name one of {names}.")
    match kind:
        case PromotionKind.ROLLBACK:
            return _way_back(where, _return_stage(stages, wanted))
        case PromotionKind.DEMOTE:
            return _way_down(stages, where, wanted)
        case PromotionKind.RECERTIFY:
            return _in_place(stages, where, wanted)
        case _:
            return _way_on(stages, where, kind, wanted)


def _way_on(stages: Sequence[Stage], where: Whereabouts, kind: PromotionKind, wanted: StageName | None) -> Route:
    if wanted is not None and wanted in where.quarantined_in:
        raise _quarantined(wanted)
    target = _target(next_stages(stages, where), where, wanted)
    if kind is PromotionKind.RELEASE and not target.release:
        raise Conflict(
            "release_too_early",
            f"The next stage is {target.name}, which is not a release stage.",
            remedy=f"Promote to {target.name} first.",
        )
    if target.name in where.quarantined_in:
        raise _quarantined(target.name)
    before = _stage_before_release(stages) if target.release else _named(stages, where.stage)
    gates = ([_gate(before, GateKind.EXIT)] if before else []) + _into(target)
    from_stage = before.name if before else None
    return Route(from_stage=from_stage, to_stage=target.name, release=target.release, gates=tuple(gates))


def _target(targets: Sequence[Stage], where: Whereabouts, wanted: StageName | None) -> Stage:
    names = [stage.name for stage in targets]
    if not targets:
        raise Conflict("promotion_nowhere_to_go", f"No stage follows {where.stage}.", remedy="It is where it can be.")
    if wanted is None and len(targets) > 1:
        raise Invalid(
            "stage_ambiguous",
            f"Several stages follow: {', '.join(names)}.",
            remedy="Name the one it is to enter, in `to_stage`.",
        )
    if wanted not in {None, *names}:
        raise Conflict(
            "promotion_skips_stage",
            f"The next stage is {' or '.join(names)}, not {wanted}.",
            remedy="Go one stage at a time.",
        )
    return next(stage for stage in targets if wanted in {None, stage.name})


def _way_back(where: Whereabouts, target: Stage) -> Route:
    if target.name not in where.entered:
        raise Conflict(
            "rollback_to_stranger",
            f"This version has never been in {target.name}.",
            remedy="Roll back to a version that has been there.",
        )
    if target.name in where.current_in:
        raise Conflict(
            "rollback_to_current",
            f"This version is the current one of {target.name}.",
            remedy="Roll back to an earlier one; have this one judged anew by re-certifying it.",
        )
    if target.name in where.quarantined_in:
        raise _quarantined(target.name)
    return Route(from_stage=where.stage, to_stage=target.name, release=target.release, gates=tuple(_into(target)))


def _return_stage(stages: Sequence[Stage], wanted: StageName | None) -> Stage:
    releases = [stage for stage in stages if stage.release]
    if wanted is None and len(releases) > 1:
        names = ", ".join(stage.name for stage in releases)
        raise Invalid(
            "stage_ambiguous",
            f"There are several release stages: {names}.",
            remedy="Name the one to roll back, in `to_stage`.",
        )
    return next(stage for stage in reversed(stages) if wanted in {None, stage.name})


def _way_down(stages: Sequence[Stage], where: Whereabouts, wanted: StageName | None) -> Route:
    names = [stage.name for stage in stages]
    if where.stage is None or where.stage not in names:
        raise Conflict("demotion_from_nowhere", "This version stands in no stage.", remedy="There is nothing to do.")
    earlier = _before(stages, names.index(where.stage))
    target = next((one for one in reversed(earlier) if wanted in {None, one.name} and one.name in where.entered), None)
    if target is None:
        raise Conflict(
            "demotion_nowhere_to_go",
            f"This version has been in no stage before {where.stage}" + (f" called {wanted}." if wanted else "."),
            remedy="Name an earlier stage that it has been in.",
        )
    return Route(from_stage=where.stage, to_stage=target.name, release=False, gates=tuple(_into(target)))


def _before(stages: Sequence[Stage], place: int) -> list[Stage]:
    """The stages before one; parallel ones are not before each other."""
    return [stage for stage in stages[:place] if not stage.release]


def _in_place(stages: Sequence[Stage], where: Whereabouts, wanted: StageName | None) -> Route:
    target = _named(stages, wanted or where.stage)
    if target is None or target.name not in where.entered:
        raise Conflict(
            "recertification_of_stranger",
            f"This version has never been in {wanted or 'any stage'}.",
            remedy="Name a stage that it has been in.",
        )
    return Route(from_stage=target.name, to_stage=target.name, release=target.release, gates=tuple(_into(target)))


def _quarantined(stage: StageName) -> Conflict:
    return Conflict(
        "version_quarantined",
        f"This version is quarantined in {stage}: it was rolled back there.",
        remedy=f"Re-certify it for {stage}, or promote a version with the fix.",
    )


def _stage_before_release(stages: Sequence[Stage]) -> Stage | None:
    return next((stage for stage in reversed(stages) if not stage.release), None)


def _named(stages: Sequence[Stage], name: StageName | None) -> Stage | None:
    return next((stage for stage in stages if stage.name == name), None)


def _into(stage: Stage) -> list[Gate]:
    return [_gate(stage, GateKind.ENTRY)] + ([_gate(stage, GateKind.RELEASE)] if stage.release else [])


def _gate(stage: Stage, gate: GateKind) -> Gate:
    return Gate(stage=stage.name, gate=gate, open=gate in stage.open)
