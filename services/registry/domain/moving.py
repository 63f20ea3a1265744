"""When a version may move, and what is so afterwards.

- It moves only as the version that was judged, and while the verdict is fresh.
- On it goes one stage at a time, from where the promotion saw it. Into a release stage it goes from the last stage
  before those, whether it stands there still or in another release stage already.
- A rollback makes it current again in a stage that it holds: where it has been and was not taken back from. It erases
  nothing, and quarantines the version that it replaces.
- A demotion takes it back to an earlier stage that it holds, and out of all that it entered since: none of them
  shows it as current, it is released no longer, and the next stage is again the one after where it stands.
- A re-certification judges it anew in a stage that it holds. It moves no pointer and ends its quarantine there. Where
  it was taken back from it is not certified: that would call a release what is none any more.
- A version that is quarantined in a stage enters it by no kind of move.
- The move into a release stage makes it a trusted release, or only a released one when its verdict says so. The
  newest such move decides, rollbacks and re-certifications included: they pass the release gate again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from contracts.vocabulary import Digest, PromotionKind, ReleaseStatus, StageName, utc
from services.registry.domain.lifecycle import Lifecycle
from services.registry.domain.standing import Cause, Standing, certified, entered, left
from services.registry.domain.version import Move, Version
from shared.errors import Conflict
from shared.way import way_of

Standings = Mapping[StageName, Standing]


@dataclass(frozen=True)
class WantedMove:
    """What a promotion asks for, and until when its verdict may be acted on."""

    move: Move
    version_digest: Digest
    verdict_expires_at: datetime


@dataclass(frozen=True)
class Moved:
    """A version after a move, and the pointers of the stages that it touched."""

    version: Version
    move: Move
    """As it was made: with what it replaced and left."""
    standings: tuple[Standing, ...]


def touched(version: Version, kind: PromotionKind, to_stage: StageName) -> tuple[StageName, ...]:
    """The stages whose pointers such a move may change: where it goes, and what a demotion takes it back from."""
    held = version.held
    if kind is not PromotionKind.DEMOTE or to_stage not in held:
        return (to_stage,)
    return held[held.index(to_stage) :]


def moved(version: Version, wanted: WantedMove, lifecycle: Lifecycle, standings: Standings) -> Moved:
    """What the move makes of the version and of the stages that it touches.

    Raises `Conflict` when it may not move; its code and message become the refusal.
    """
    move = wanted.move
    if version.digest != wanted.version_digest:
        raise Conflict("move_digest_differs", f"{version.version} is not the version that was judged.")
    if move.at > wanted.verdict_expires_at:
        raise Conflict("verdict_expired", f"The verdict was good until {utc(wanted.verdict_expires_at)}.")
    target = standings[move.to_stage]
    match move.kind:
        case PromotionKind.PROMOTE | PromotionKind.RELEASE:
            _require_next(version, move, lifecycle)
        case PromotionKind.ROLLBACK:
            _require_held(version, move)
            _require_replaced(version, target)
        case PromotionKind.DEMOTE:
            _require_back(version, move, lifecycle)
        case PromotionKind.RECERTIFY:
            _require_same_place(version, move)
            return _certified(version, move, lifecycle, target)
        case _:
            assert_never(move.kind)
    if target.holds_in_quarantine(version.version):
        raise Conflict(
            "version_quarantined",
            f"{version.version} was rolled back from {move.to_stage}, and has not been certified there again since.",
        )
    return _placed(version, move, lifecycle, standings)


def _require_next(version: Version, move: Move, lifecycle: Lifecycle) -> None:
    parallel = lifecycle.release_stages
    comes_again = (
        move.to_stage in parallel
        and version.stage in parallel
        and move.to_stage not in version.held
        and (move.from_stage is None or move.from_stage in version.held)
    )
    if version.stage != move.from_stage and not comes_again:
        raise _elsewhere(version, move)
    if move.to_stage not in lifecycle.names or lifecycle.before(move.to_stage) != move.from_stage:
        raise Conflict("stage_skipped", f"{move.to_stage} does not follow {move.from_stage or 'the beginning'}.")


def _require_held(version: Version, move: Move) -> None:
    if move.to_stage not in version.entered:
        raise Conflict(f"{move.kind}_to_stranger", f"{version.version} has never been in {move.to_stage}.")
    if move.to_stage not in version.held:
        raise Conflict(
            f"{move.kind}_after_demotion",
            f"{version.version} was taken back from {move.to_stage}: it can only be promoted there again.",
        )


def _require_replaced(version: Version, target: Standing) -> None:
    if target.current == version.version:
        raise Conflict("rollback_to_current", f"{version.version} is the current version of {target.stage} already.")


def _require_back(version: Version, move: Move, lifecycle: Lifecycle) -> None:
    if version.stage is None or version.stage != move.from_stage:
        raise _elsewhere(version, move)
    names, parallel = lifecycle.names, lifecycle.release_stages
    beside = version.stage in parallel and move.to_stage in parallel
    known = {version.stage, move.to_stage} <= set(names) and move.to_stage in version.held
    if beside or not known or names.index(move.to_stage) >= names.index(version.stage):
        raise Conflict(
            "demotion_not_back",
            f"{move.to_stage} is no stage before {version.stage} that {version.version} has been in.",
        )


def _require_same_place(version: Version, move: Move) -> None:
    if move.from_stage != move.to_stage:
        raise Conflict("recertify_moves", f"A version is certified again in its place, not from {move.from_stage}.")
    _require_held(version, move)


def _elsewhere(version: Version, move: Move) -> Conflict:
    stands, seen = version.stage or "no stage", move.from_stage or "no stage"
    return Conflict("version_elsewhere", f"{version.version} stands in {stands}, not in {seen}.")


def _placed(version: Version, move: Move, lifecycle: Lifecycle, standings: Standings) -> Moved:
    cause, target = Cause(move.promotion_id, move.reason, move.at), standings[move.to_stage]
    after = [entered(target, version.version, cause, quarantine=move.kind is PromotionKind.ROLLBACK)]
    lost = [stage for stage in touched(version, move.kind, move.to_stage) if stage != move.to_stage]
    after += [left(standings[stage], version.version, cause) for stage in lost]
    replaced = target.current if target.current != version.version else None
    made = replace(move, replaced=replaced, left=tuple(lost))
    history = (*version.history, made)
    stands = way_of(history).standing
    return Moved(
        replace(version, stage=stands, release_status=_status(version, move, lifecycle), history=history),
        made,
        tuple(after),
    )


def _certified(version: Version, move: Move, lifecycle: Lifecycle, target: Standing) -> Moved:
    status, history = _status(version, move, lifecycle), (*version.history, move)
    cause = Cause(move.promotion_id, move.reason, move.at)
    after = certified(target, version.version, cause)
    return Moved(replace(version, release_status=status, history=history), move, (after,))


def _status(version: Version, move: Move, lifecycle: Lifecycle) -> ReleaseStatus:
    if move.to_stage in lifecycle.release_stages:
        return ReleaseStatus.TRUSTED_RELEASE if move.trusted else ReleaseStatus.RELEASED
    # A rollback or a re-certification in an earlier stage says nothing about the release.
    stays = move.kind in (PromotionKind.ROLLBACK, PromotionKind.RECERTIFY)
    return version.release_status if stays else ReleaseStatus.PRE_RELEASE
