"""What the registry says has happened."""

from __future__ import annotations

from typing import ClassVar

from contracts.message import Event
from contracts.registry.v1.views import QuarantinedVersion, StageView
from contracts.vocabulary import (
    ApplicationName,
    Artifact,
    Criticality,
    Digest,
    LifecycleName,
    Maturity,
    ProjectName,
    PromotionKind,
    Purl,
    ReleaseStatus,
    SourceCommit,
    StageName,
    Utc,
    VersionName,
)


class ProjectApplied(Event):
    """A project was created or changed."""

    subject: ClassVar[str] = "hallmark.evt.registry.project.applied.v1"
    project: ProjectName
    application: None = None
    title: str
    revision: int
    digest: Digest
    by: str
    at: Utc


class LifecycleApplied(Event):
    """The stages of a lifecycle were defined or changed."""

    subject: ClassVar[str] = "hallmark.evt.registry.lifecycle.applied.v1"
    project: ProjectName
    application: None = None
    lifecycle: LifecycleName
    stages: tuple[StageView, ...]
    revision: int
    digest: Digest
    by: str
    at: Utc


class ApplicationApplied(Event):
    """An application was created, or its business context changed."""

    subject: ClassVar[str] = "hallmark.evt.registry.application.applied.v1"
    project: ProjectName
    application: ApplicationName
    criticality: Criticality
    maturity: Maturity
    owners: tuple[str, ...]
    labels: dict[str, str]
    lifecycle: LifecycleName
    packages: tuple[Purl, ...]
    revision: int
    digest: Digest
    by: str
    at: Utc


class ArtifactPublished(Event):
    """A pipeline built an artifact of an application, as its build event said."""

    subject: ClassVar[str] = "hallmark.evt.registry.artifact.published.v1"
    project: ProjectName
    application: ApplicationName
    artifact: Artifact
    source: SourceCommit | None = None
    by: str
    at: Utc


class VersionCreated(Event):
    """An immutable version was registered, or a draft was sealed and is one now."""

    subject: ClassVar[str] = "hallmark.evt.registry.version.created.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    artifacts: tuple[Artifact, ...]
    nested: tuple[Digest, ...]
    source: SourceCommit | None
    criticality: Criticality
    labels: dict[str, str]
    owners: tuple[str, ...]
    by: str
    at: Utc
    contributors: tuple[str, ...] = ()
    """Everybody who had a hand in the content of what was a draft, sorted."""


class VersionMoved(Event):
    """A version entered a stage, was brought or taken back to one, or was certified again where it is."""

    subject: ClassVar[str] = "hallmark.evt.registry.version.moved.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    promotion_id: str
    attempt: int
    kind: PromotionKind
    from_stage: StageName | None
    to_stage: StageName
    release: bool
    """True when `to_stage` is a release stage."""
    release_status: ReleaseStatus
    replaced: VersionName | None
    """The version that was current in the stage until now."""
    source: SourceCommit | None
    criticality: Criticality
    owners: tuple[str, ...]
    passage_digest: Digest
    by: str
    reason: str
    at: Utc
    trusted: bool = True
    """Whether the verdict lets a release be called trusted."""
    waivers: tuple[str, ...] = ()
    """Ids of those that the verdict needed, sorted."""
    left: tuple[StageName, ...] = ()
    """The stages that a demotion took it back from: none of them has it as its current version any more."""


class MoveRefused(Event):
    """A version was not moved: what the promotion had seen is no longer so."""

    subject: ClassVar[str] = "hallmark.evt.registry.move.refused.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    promotion_id: str
    attempt: int
    code: str
    message: str
    at: Utc


class StandingChanged(Event):
    """The pointers of a stage changed: which version is current, where a rollback would go, which must not return."""

    subject: ClassVar[str] = "hallmark.evt.registry.standing.changed.v1"
    project: ProjectName
    application: ApplicationName
    stage: StageName
    current: VersionName | None
    previous_good: VersionName | None
    """The newest earlier current version that is not quarantined there."""
    quarantined: tuple[QuarantinedVersion, ...]
    """Sorted by version."""
    promotion_id: str
    """The promotion that changed them."""
    at: Utc


class IncidentOpened(Event):
    """Something that runs in production began to fail, as an outside system reported."""

    subject: ClassVar[str] = "hallmark.evt.registry.incident.opened.v1"
    project: ProjectName
    application: ApplicationName
    incident_id: str
    version: VersionName | None
    by: str
    at: Utc


class IncidentResolved(Event):
    """A reported incident is over."""

    subject: ClassVar[str] = "hallmark.evt.registry.incident.resolved.v1"
    project: ProjectName
    application: ApplicationName
    incident_id: str
    by: str
    at: Utc
