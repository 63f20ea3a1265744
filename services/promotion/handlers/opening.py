"""How a promotion is opened, whoever asked for it: a person, a pipeline, a train, or the stage's own rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.registry.v1.views import StageView, VersionView
from contracts.vocabulary import Actor, PromotionKind, PromotionState, Role, StageName
from services.promotion import wire
from services.promotion.domain.facts import Superseded
from services.promotion.domain.passages import Route, route
from services.promotion.domain.promotion import Promotion
from services.promotion.domain.saga import begin
from services.promotion.handlers.looking import Seen
from services.promotion.handlers.steps import admit, say, take_step
from services.promotion.storage.promotions import in_progress
from services.promotion.storage.unit_of_work import PromotionWork
from shared.errors import Forbidden, Invalid
from shared.identity import Caller

_BACK = frozenset({PromotionKind.ROLLBACK, PromotionKind.DEMOTE})
_ON = frozenset({PromotionKind.PROMOTE, PromotionKind.RELEASE})


@dataclass(frozen=True)
class Wish:
    """What somebody asks for."""

    promotion_id: str
    kind: PromotionKind
    to_stage: StageName | None
    reason: str
    patience: timedelta
    by: Actor
    train_id: str | None = None


def check_rights(caller: Caller, seen: Seen, wish: Wish, way: Route) -> None:
    """Pass when the caller may ask for this. Raises `Forbidden`."""
    version = seen.version
    if way.release or wish.kind is not PromotionKind.PROMOTE:
        caller.require(version.project, Role.RELEASE_MANAGER, application=version.application)
    allowed = stage_of(version, way.to_stage).requesters
    if wish.kind in _ON and allowed is not None and caller.actor.kind not in allowed:
        kinds = " and ".join(f"{kind}s" for kind in allowed) or "nobody"
        raise Forbidden(
            "requester_kind",
            f"Only {kinds} may ask for a promotion into {way.to_stage}, and {caller.actor.subject} is of kind"
            f" {caller.actor.kind}.",
            remedy=f"Have one of {kinds} ask, or change `requesters` of the stage in the lifecycle.",
        )


def way_of(version: VersionView, wish: Wish) -> Route:
    """Where the promotion leads. Raises `Conflict` or `Invalid` where it leads nowhere, or says not why."""
    if wish.kind in _BACK and not wish.reason.strip():
        noun = "rollback" if wish.kind is PromotionKind.ROLLBACK else "demotion"
        raise Invalid(f"{noun}_unexplained", f"A {noun} needs a reason.", remedy="Say why, in `reason`.")
    return route(wire.stages_of(version), wire.whereabouts(version), wish.kind, wish.to_stage)


async def open_promotion(work: PromotionWork, seen: Seen, wish: Wish, way: Route) -> Promotion:
    """Open a promotion; it begins at once, or waits for its stage as the lifecycle says. Raises `Conflict`."""
    stage = stage_of(seen.version, way.to_stage)
    opened = await work.promotions.open(begin(_requested(seen, wish, way, work.unit.now), work.unit.now))
    say(work, opened, [wire.requested(opened)])
    if stage.supersede and wish.kind in _ON:
        await _supersede(work, opened)
        # Whoever was superseded may have given its stage to this one.
        opened = await work.promotions.get(opened.project, opened.promotion_id)
    if opened.state is not PromotionState.REQUESTED:
        return opened
    admitted = await admit(work, opened)
    if isinstance(admitted, str):
        if stage.queue == "refuse" or wish.train_id:
            raise in_progress(admitted, f"the stage {way.to_stage}")
        say(work, opened, [wire.queued(opened, await work.views.place(opened), work.unit.now)])
        return opened
    return admitted


def stage_of(version: VersionView, name: StageName) -> StageView:
    """The stage as the lifecycle describes it."""
    return next(stage for stage in version.lifecycle if stage.name == name)


async def _supersede(work: PromotionWork, newer: Promotion) -> None:
    """End those of older versions that wait for the same stage, the waiting before the one that has it."""
    others = [one for one in await work.promotions.undecided_for(newer) if _is_superseded(one, newer)]
    for other in sorted(others, key=lambda one: one.state is not PromotionState.REQUESTED):
        current = await work.promotions.get(other.project, other.promotion_id)
        await take_step(work, current, Superseded(newer.version, newer.promotion_id))


def _is_superseded(older: Promotion, newer: Promotion) -> bool:
    known = older.version_created_at is not None and newer.version_created_at is not None
    is_older = known and older.version_created_at < newer.version_created_at  # type: ignore[operator]
    return bool(is_older) and older.kind in _ON and older.train_id is None


def _requested(seen: Seen, wish: Wish, way: Route, at: datetime) -> Promotion:
    version = seen.version
    return Promotion(
        promotion_id=wish.promotion_id,
        project=version.project,
        application=version.application,
        version=version.version,
        version_digest=version.digest,
        version_created_at=version.created_at,
        artifacts=tuple(artifact.digest for artifact in version.artifacts),
        contained=version.contained,
        kind=wish.kind,
        route=way,
        criticality=version.criticality,
        owners=version.owners,
        source=version.source,
        requested_by=wish.by.subject,
        requested_by_kind=wish.by.kind,
        registered_by=version.created_by,
        contributors=version.contributors,
        reason=wish.reason,
        requested_at=at,
        deadline=at + wish.patience,
        positions=seen.positions,
        train_id=wish.train_id,
        state=PromotionState.REQUESTED,
        doing=None,
        stepped_at=at,
    )
