"""What the promotion service is asked to do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.evidence.v1.queries import ReadPositions
from contracts.evidence.v1.views import Positions
from contracts.promotion.v1.commands import CancelPromotion, DecideApproval, RequestPromotion
from contracts.promotion.v1.views import PromotionView
from contracts.registry.v1.queries import ShowVersion
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import Digest, PromotionKind, PromotionState, Role
from services.promotion import wire, wire_tells
from services.promotion.domain.approving import check_approver
from services.promotion.domain.facts import Cancelled
from services.promotion.domain.passages import Route, route
from services.promotion.domain.promotion import Promotion, begin
from services.promotion.handlers import HANDLERS
from services.promotion.handlers.steps import say, take_step, tell
from services.promotion.storage.unit_of_work import PromotionWork
from shared.errors import Invalid
from shared.messaging.dispatcher import Outside

_AT_ONCE = 1000
"""Subjects that one question about positions may name."""


@dataclass(frozen=True)
class Seen:
    """What the others know, as it was just before the request."""

    version: VersionView
    positions: dict[Digest, int]


async def look_around(command: RequestPromotion, outside: Outside) -> Seen:
    """Ask where the version stands and how much evidence is on record: the verdict must see all of that.

    Nothing is decided here: a repeated request must get its first answer, however far the version has come since.
    """
    show = ShowVersion(project=command.project, application=command.application, version=command.version)
    version = await outside.asker.ask(show, VersionView, token=outside.token, cause=outside.meta)
    subjects = subjects_of(version.digest, (artifact.digest for artifact in version.artifacts), version.contained)
    return Seen(version, await read_positions(outside, command.project, subjects))


def subjects_of(
    version_digest: Digest, artifacts: Iterable[Digest], contained: Iterable[Digest] = ()
) -> tuple[Digest, ...]:
    """Every digest that evidence about a version may name."""
    return tuple(sorted({version_digest, *artifacts, *contained}))


async def read_positions(outside: Outside, project: str, subjects: tuple[Digest, ...]) -> dict[Digest, int]:
    """How much evidence is on record right now."""
    positions: dict[Digest, int] = {}
    for first in range(0, len(subjects), _AT_ONCE):
        query = ReadPositions(project=project, subjects=subjects[first : first + _AT_ONCE])
        positions |= (await outside.asker.ask(query, Positions, cause=outside.meta)).positions
    return positions


@HANDLERS.command(RequestPromotion, prepare=look_around)
async def request_promotion(command: RequestPromotion, work: PromotionWork, seen: Seen) -> PromotionView:
    """Begin a promotion, unless another one has the version or the stage, and ask the gates."""
    caller = work.unit.caller
    caller.require(command.project, Role.RELEASE_MANAGER, Role.CONTRIBUTOR)
    way = _way(command, seen.version)
    if way.release or command.kind is not PromotionKind.PROMOTE:
        caller.require(command.project, Role.RELEASE_MANAGER)
    requested = _requested(command, seen, way, caller.actor.subject, work.unit.now)
    promotion = begin(requested, work.unit.now)
    await work.promotions.open(promotion)
    say(work, promotion, (wire.requested(promotion), *wire.said(requested, promotion, work.unit.now)))
    tell(work, promotion)
    return wire.promotion_view(promotion)


def _way(command: RequestPromotion, version: VersionView) -> Route:
    if command.kind is PromotionKind.ROLLBACK and not command.reason.strip():
        raise Invalid("rollback_unexplained", "A rollback needs a reason.", remedy="Say why, in `reason`.")
    entered = {move.to_stage for move in version.history}
    return route(wire.stages_of(version), version.stage, entered, command.kind, command.to_stage)


def _requested(command: RequestPromotion, seen: Seen, way: Route, by: str, at: datetime) -> Promotion:
    seed = f"{by}\n{command.command_id}".encode()
    return Promotion(
        promotion_id=f"pr-{hashlib.sha256(seed).hexdigest()[:24]}",
        project=command.project,
        application=command.application,
        version=command.version,
        version_digest=seen.version.digest,
        artifacts=tuple(artifact.digest for artifact in seen.version.artifacts),
        contained=seen.version.contained,
        kind=command.kind,
        route=way,
        criticality=seen.version.criticality,
        owners=seen.version.owners,
        source=seen.version.source,
        requested_by=by,
        registered_by=seen.version.created_by,
        reason=command.reason,
        requested_at=at,
        deadline=at + timedelta(seconds=command.patience_seconds),
        positions=seen.positions,
        state=PromotionState.REQUESTED,
        doing=None,
        stepped_at=at,
    )


@HANDLERS.command(CancelPromotion)
async def cancel_promotion(command: CancelPromotion, work: PromotionWork) -> PromotionView:
    """Stop a promotion that is not decided yet."""
    caller = work.unit.caller
    caller.require_member(command.project)
    promotion = await work.promotions.get(command.project, command.promotion_id)
    if caller.actor.subject != promotion.requested_by:
        caller.require(command.project, Role.RELEASE_MANAGER)
    fact = Cancelled(caller.actor.subject, command.reason)
    return wire.promotion_view(await take_step(work, promotion, fact))


@HANDLERS.command(DecideApproval)
async def decide_approval(command: DecideApproval, work: PromotionWork) -> PromotionView:
    """Have a person's answer signed, bound to the evidence that the newest verdict saw. The gates judge it then."""
    caller = work.unit.caller
    role = caller.require(command.project, Role.APPROVER)
    promotion = await work.promotions.get(command.project, command.promotion_id)
    verdict = check_approver(promotion, caller.actor)
    work.unit.tell(wire_tells.approval(command, promotion, verdict, caller.actor, role=role, at=work.unit.now))
    return wire.promotion_view(promotion)
