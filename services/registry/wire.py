"""Contracts into domain and back."""

from __future__ import annotations

from datetime import datetime

from contracts.registry.v1.commands import ApplyLifecycle, MoveVersion, MoveVersionsTogether
from contracts.registry.v1.events import MoveRefused, StandingChanged, VersionCreated, VersionMoved
from contracts.registry.v1.views import QuarantinedVersion
from contracts.vocabulary import VersionName
from services.registry.domain.lifecycle import Lifecycle, Stage
from services.registry.domain.moving import WantedMove
from services.registry.domain.standing import Standing, Stay
from services.registry.domain.version import Move, Version
from shared.errors import Conflict
from shared.mongo import Document

_REASON = 200
"""Characters of a reason that are shown with each quarantined version: a hundred of them go into one message."""
_MESSAGE = 1000


def lifecycle_from(command: ApplyLifecycle) -> Lifecycle:
    """The lifecycle a command describes. Raises `Invalid`."""
    stages = tuple(Stage(**vars(stage)) for stage in command.stages)
    return Lifecycle(command.project, command.lifecycle, stages)


def wanted_move(tell: MoveVersion, *, at: datetime) -> WantedMove:
    """The move a promotion asks for."""
    move = Move(
        promotion_id=tell.promotion_id,
        attempt=tell.attempt,
        kind=tell.kind,
        from_stage=tell.from_stage,
        to_stage=tell.to_stage,
        at=at,
        by=tell.requested_by,
        verdict_id=tell.verdict_id,
        passage_digest=tell.passage_digest,
        reason=tell.reason,
        replaced=None,
        trusted=tell.trusted,
        waivers=tell.waivers,
    )
    return WantedMove(move, tell.version_digest, tell.verdict_expires_at)


def version_created(version: Version, application: Document) -> VersionCreated:
    """The fact that a version exists now."""
    return VersionCreated(
        project=version.project,
        application=version.application,
        version=version.version,
        version_digest=version.digest,
        artifacts=version.artifacts,
        nested=version.nested,
        source=version.source,
        criticality=application["criticality"],
        labels=application["labels"],
        owners=tuple(application["owners"]),
        by=version.created_by,
        at=version.created_at,
        contributors=version.contributors,
    )


def version_moved(version: Version, move: Move, lifecycle: Lifecycle, application: Document) -> VersionMoved:
    """The fact that a version moved."""
    return VersionMoved(
        project=version.project,
        application=version.application,
        version=version.version,
        version_digest=version.digest,
        promotion_id=move.promotion_id,
        attempt=move.attempt,
        kind=move.kind,
        from_stage=move.from_stage,
        to_stage=move.to_stage,
        release=move.to_stage in lifecycle.release_stages,
        release_status=version.release_status,
        replaced=move.replaced,
        source=version.source,
        criticality=application["criticality"],
        owners=tuple(application["owners"]),
        passage_digest=move.passage_digest,
        by=move.by,
        reason=move.reason,
        at=move.at,
        trusted=move.trusted,
        waivers=move.waivers,
        left=move.left,
    )


def standing_changed(before: Standing, after: Standing, promotion_id: str, at: datetime) -> list[StandingChanged]:
    """The fact that the pointers of a stage have changed; none when they have not."""
    if _pointers(before) == _pointers(after):
        return []
    changed = StandingChanged(
        project=after.project,
        application=after.application,
        stage=after.stage,
        current=after.current,
        previous_good=after.previous_good,
        quarantined=quarantined(after),
        promotion_id=promotion_id,
        at=at,
    )
    return [changed]


def _pointers(standing: Standing) -> tuple[VersionName | None, VersionName | None, tuple[Stay, ...]]:
    return standing.current, standing.previous_good, standing.quarantined


def quarantined(standing: Standing) -> tuple[QuarantinedVersion, ...]:
    """The versions that may not enter a stage; of their reasons, the beginning."""
    return tuple(
        QuarantinedVersion(
            version=one.version, promotion_id=one.promotion_id, reason=one.reason[:_REASON], since=one.since
        )
        for one in standing.quarantined
    )


def members_of(tell: MoveVersionsTogether) -> list[MoveVersion]:
    """The moves of a group, each as if it were told alone."""
    return [MoveVersion(project=tell.project, **vars(member)) for member in tell.moves]


def group_refused(tell: MoveVersion, fault: Conflict) -> Conflict:
    """Why the others of a group do not move: because of the first that may not."""
    why = f"{tell.application} {tell.version} may not move ({fault.code}): {fault.message}"
    return Conflict("group_refused", why[:_MESSAGE])


def move_refused(tell: MoveVersion, refusal: Conflict, at: datetime) -> MoveRefused:
    """The fact that a version was not moved, and why."""
    return MoveRefused(
        project=tell.project,
        application=tell.application,
        version=tell.version,
        promotion_id=tell.promotion_id,
        attempt=tell.attempt,
        code=refusal.code,
        message=refusal.message,
        at=at,
    )
