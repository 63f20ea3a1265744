"""Contracts into domain and back."""

from __future__ import annotations

from datetime import datetime

from contracts.registry.v1.commands import ApplyLifecycle, MoveVersion
from contracts.registry.v1.events import MoveRefused, VersionCreated, VersionMoved
from contracts.vocabulary import VersionName
from services.registry.domain.lifecycle import Lifecycle, Stage
from services.registry.domain.version import Move, Version, WantedMove
from shared.errors import Conflict
from shared.mongo import Document


def lifecycle_from(command: ApplyLifecycle) -> Lifecycle:
    """The lifecycle a command describes. Raises `Invalid`."""
    stages = tuple(Stage(stage.name, stage.title, stage.open) for stage in command.stages)
    return Lifecycle(command.project, command.lifecycle, stages)


def wanted_move(tell: MoveVersion, *, replaced: VersionName | None, at: datetime) -> WantedMove:
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
        replaced=replaced,
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
        release=move.to_stage == lifecycle.release_stage,
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
    )


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
