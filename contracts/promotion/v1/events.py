"""What the promotion service says has happened."""

from __future__ import annotations

from typing import ClassVar, Literal

from contracts.findings import Finding
from contracts.message import Event
from contracts.vocabulary import (
    ActorKind,
    ApplicationName,
    Criticality,
    Digest,
    Outcome,
    ProjectName,
    PromotionKind,
    PromotionState,
    Role,
    SourceCommit,
    StageName,
    Utc,
    VersionName,
)


class PromotionRequested(Event):
    """Somebody asked that a version moves."""

    subject: ClassVar[str] = "hallmark.evt.promotion.promotion.requested.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    promotion_id: str
    kind: PromotionKind
    from_stage: StageName | None
    to_stage: StageName
    requested_by: str
    reason: str
    deadline: Utc
    at: Utc
    requested_by_kind: ActorKind = ActorKind.HUMAN
    train_id: str | None = None


class PromotionAdvanced(Event):
    """A promotion took a step and has not ended yet."""

    subject: ClassVar[str] = "hallmark.evt.promotion.promotion.advanced.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    promotion_id: str
    attempt: int
    from_state: PromotionState
    to_state: PromotionState
    because: str
    verdict_id: str | None
    outcome: Outcome | None
    findings: tuple[Finding, ...] = ()
    """Of the newest verdict, those that did not pass."""
    at: Utc
    queue_position: int | None = None
    """While it waits for its stage: 1 is next."""
    frozen_by: str | None = None
    frozen_until: Utc | None = None


class ApprovalDecided(Event):
    """Somebody answered for a version, bound to what the last verdict saw; the gates judge the answer."""

    subject: ClassVar[str] = "hallmark.evt.promotion.approval.decided.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    promotion_id: str
    stage: StageName
    decision: Literal["approved", "rejected"]
    approver: str
    approver_kind: ActorKind
    role: Role
    evidence_set: Digest
    reason: str
    at: Utc


class ApprovalWithdrawn(Event):
    """Other evidence is there than an answer was about: it does not count any more."""

    subject: ClassVar[str] = "hallmark.evt.promotion.approval.withdrawn.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    promotion_id: str
    stage: StageName
    approver: str
    evidence_set: Digest
    """What it was bound to."""
    at: Utc


class PromotionCompleted(Event):
    """A version has moved."""

    subject: ClassVar[str] = "hallmark.evt.promotion.promotion.completed.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    promotion_id: str
    kind: PromotionKind
    from_stage: StageName | None
    to_stage: StageName
    release: bool
    replaced: VersionName | None
    verdict_id: str
    passage_digest: Digest
    requested_by: str
    reason: str
    requested_at: Utc
    at: Utc
    trusted: bool = True
    """Whether the verdict lets a release be called trusted: else the version is only released."""
    waivers: tuple[str, ...] = ()
    """Ids of those that the verdict needed, sorted."""
    train_id: str | None = None


class PromotionEnded(Event):
    """A promotion ended without moving anything."""

    subject: ClassVar[str] = "hallmark.evt.promotion.promotion.ended.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    promotion_id: str
    kind: PromotionKind
    to_stage: StageName
    state: Literal[PromotionState.DENIED, PromotionState.CANCELLED, PromotionState.EXPIRED, PromotionState.FAILED]
    because: str
    verdict_id: str | None
    findings: tuple[Finding, ...] = ()
    """Those that did not pass, with their remedies."""
    requested_at: Utc
    at: Utc
    superseded_by: VersionName | None = None


class ReleaseTrusted(Event):
    """A version is a Trusted Release: said last, when everything behind it is durable."""

    subject: ClassVar[str] = "hallmark.evt.promotion.release.trusted.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    artifacts: tuple[Digest, ...]
    promotion_id: str
    kind: PromotionKind
    stage: StageName
    verdict_id: str
    passage_digest: Digest
    log_index: int
    criticality: Criticality
    owners: tuple[str, ...]
    source: SourceCommit | None
    evidence_digests: tuple[Digest, ...] = ()
    """Of the evidence that the verdict rests on."""
    at: Utc
    waivers: tuple[str, ...] = ()
    """Ids of those that the verdict needed, sorted."""
