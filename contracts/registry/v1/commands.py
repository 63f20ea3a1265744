"""What the registry can be asked or told to do."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.answers import Applied
from contracts.clearance import SignedClearance
from contracts.message import Answer, Command, Tell
from contracts.registry.v1.intake_rule import IntakeRule
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import (
    ActorKind,
    ApplicationName,
    Artifact,
    Criticality,
    Digest,
    Document,
    Frozen,
    GateKind,
    LifecycleName,
    Maturity,
    ProjectName,
    PromotionKind,
    Purl,
    QueuePolicy,
    SourceCommit,
    StageName,
    Text,
    Utc,
    VersionName,
)


class Stage(Document):
    """One station of a lifecycle."""

    name: StageName
    title: str = ""
    open: tuple[GateKind, ...] = ()
    """Gates that stand open on purpose: no policy is needed to pass them. All others need one."""
    release: bool = False
    """Entering it is a release. Such stages are the last ones, parallel to each other; when none is marked, the last
    stage is the one."""
    requesters: tuple[ActorKind, ...] | None = None
    """Who may ask for a promotion into it; None: anybody whose role allows it."""
    queue: QueuePolicy = "wait"
    """What becomes of a promotion into it while another one is under way."""
    supersede: bool = False
    """Whether a newer version that asks takes the place of an older one that waits."""
    automatic: bool = False
    """Whether versions are promoted into it by themselves when its gates allow."""


class ApplyProject(Command):
    """Create a project, or change what is said about it."""

    subject: ClassVar[str] = "hallmark.ask.registry.project.apply.v1"
    answer: ClassVar[type[Answer]] = Applied
    project: ProjectName
    title: Text = ""
    public_badges: bool = False


class ApplyLifecycle(Command):
    """Define the ordered stages of one of a project's lifecycles. Those marked `release`, or the last, release.

    Stages that versions already passed may not be removed or reordered.
    """

    subject: ClassVar[str] = "hallmark.ask.registry.lifecycle.apply.v1"
    answer: ClassVar[type[Answer]] = Applied
    project: ProjectName
    lifecycle: LifecycleName
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=50)]


class ApplyApplication(Command):
    """Create an application, or change its business context."""

    subject: ClassVar[str] = "hallmark.ask.registry.application.apply.v1"
    answer: ClassVar[type[Answer]] = Applied
    project: ProjectName
    application: ApplicationName
    title: Text = ""
    criticality: Criticality = Criticality.UNSPECIFIED
    maturity: Maturity = Maturity.UNSPECIFIED
    owners: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    labels: Annotated[dict[str, str], Field(max_length=100)] = {}
    lifecycle: LifecycleName = "default"
    packages: Annotated[tuple[Purl, ...], Field(max_length=500)] = ()
    """Package URLs without version: builds of these belong to this application."""
    intake: IntakeRule | None = None
    """What pipelines may do by themselves; without it nothing."""


class CreateVersion(Command):
    """Register one version of an application from the artifacts that make it up: immutable, unless it is a draft."""

    subject: ClassVar[str] = "hallmark.ask.registry.version.create.v1"
    answer: ClassVar[type[Answer]] = VersionView
    project: ProjectName
    application: ApplicationName
    version: VersionName
    artifacts: Annotated[tuple[Artifact, ...], Field(max_length=1000)] = ()
    nested: Annotated[tuple[Digest, ...], Field(max_length=1000)] = ()
    """Digests of versions of other applications that this one contains. With `artifacts`, at least one."""
    source: SourceCommit | None = None
    tag: Annotated[str, Field(max_length=200)] = ""
    properties: Annotated[dict[str, str], Field(max_length=100)] = {}
    draft: bool = False
    """Whether it may still take further content, until it is sealed. Without it, a draft of this very content is
    sealed."""


class MoveVersion(Tell):
    """Move a version's stage pointer, if the version still stands where the promotion saw it.

    Answered by `VersionMoved` or `MoveRefused`.
    """

    subject: ClassVar[str] = "hallmark.tell.registry.version.move.v1"
    promotion_id: str
    attempt: int
    version: VersionName
    version_digest: Digest
    kind: PromotionKind
    from_stage: StageName | None
    """Where the version must stand now; None when it has entered no stage yet."""
    to_stage: StageName
    verdict_id: str
    verdict_expires_at: Utc
    """A move that comes later than this is refused: the verdict is too old to act on."""
    passage_digest: Digest
    """Of the signed and logged attestation of this passage."""
    requested_by: str
    reason: Text = ""
    trusted: bool = True
    """Whether the verdict lets a release be called trusted: else the version is only released."""
    waivers: tuple[str, ...] = ()
    """Ids of those that the verdict needed, sorted."""
    clearance: SignedClearance | None = None
    """What the gate signed about this verdict. Without it the tell is refused."""


class MemberMove(Frozen):
    """One of several moves that are made together: as `MoveVersion`, for one application of the same project."""

    application: ApplicationName
    promotion_id: str
    attempt: int
    version: VersionName
    version_digest: Digest
    kind: PromotionKind
    from_stage: StageName | None
    to_stage: StageName
    verdict_id: str
    verdict_expires_at: Utc
    passage_digest: Digest
    requested_by: str
    reason: Text = ""
    trusted: bool = True
    waivers: tuple[str, ...] = ()
    clearance: SignedClearance | None = None


class MoveVersionsTogether(Tell):
    """Move all of these versions or none, in one transaction, each checked as `MoveVersion` is.

    Answered by one `VersionMoved` for each, or by one `MoveRefused` for each: with its own code for those at fault,
    with `group_refused` for the others. `application` is that of the first member.
    """

    subject: ClassVar[str] = "hallmark.tell.registry.version.move-together.v1"
    group_id: str
    attempt: int
    moves: Annotated[tuple[MemberMove, ...], Field(min_length=2, max_length=50)]
