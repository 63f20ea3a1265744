"""How the registry describes what exists."""

from __future__ import annotations

from contracts.message import Answer
from contracts.registry.v1.intake_rule import IntakeRule
from contracts.vocabulary import (
    ActorKind,
    ApplicationName,
    Artifact,
    Criticality,
    Digest,
    Frozen,
    GateKind,
    LifecycleName,
    Maturity,
    ProjectName,
    PromotionKind,
    Purl,
    QueuePolicy,
    ReleaseStatus,
    SourceCommit,
    StageName,
    Utc,
    VersionName,
)


class StageView(Frozen):
    """One stage, and the version that stands in it."""

    name: StageName
    title: str
    open: tuple[GateKind, ...] = ()
    release: bool
    """True for each release stage: passing into it is a release. Release stages are parallel to each other."""
    requesters: tuple[ActorKind, ...] | None = None
    """Who may ask for a promotion into it; None: anybody whose role allows it."""
    queue: QueuePolicy = "wait"
    """What becomes of a promotion into it while another one is under way."""
    supersede: bool = False
    """Whether a newer version that asks takes the place of an older one that waits."""
    automatic: bool = False
    """Whether versions are promoted into it by themselves when its gates allow."""


class StageMove(Frozen):
    """One entry of a version's way through the stages."""

    promotion_id: str
    kind: PromotionKind
    from_stage: StageName | None
    to_stage: StageName
    at: Utc
    by: str
    verdict_id: str
    passage_digest: Digest
    reason: str = ""
    replaced: VersionName | None = None
    """The version that was current in the stage until then."""
    waivers: tuple[str, ...] = ()
    """Ids of those that the verdict needed, sorted."""


class VersionView(Answer):
    """One version: what it is made of, and where it stands."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    digest: Digest
    """SHA-256 of the canonical manifest."""
    artifacts: tuple[Artifact, ...]
    nested: tuple[Digest, ...] = ()
    contained: tuple[Digest, ...] = ()
    """Everything in it through `nested`, at any depth: the versions and their artifacts, sorted."""
    source: SourceCommit | None = None
    created_at: Utc
    """When it became immutable; of a draft, when it was begun."""
    created_by: str
    """Who registered it; for drafts, who began it."""
    stage: StageName | None = None
    """Where it stands: the newest stage that it entered, or was taken back to."""
    standing_in: tuple[StageName, ...] = ()
    """The stages whose current version it is, in the order of the lifecycle."""
    held: tuple[StageName, ...] = ()
    """The stages that it has entered and was not taken back from, in the order of its first entry."""
    quarantined_in: tuple[StageName, ...] = ()
    """The stages that it was rolled back from and may not enter until it is certified there again."""
    release_status: ReleaseStatus
    lifecycle: tuple[StageView, ...]
    history: tuple[StageMove, ...] = ()
    criticality: Criticality
    labels: dict[str, str] = {}
    owners: tuple[str, ...] = ()
    tag: str = ""
    properties: dict[str, str] = {}
    draft: bool = False
    """Whether its content, and with it its digest, may still change."""
    drafted_at: Utc | None = None
    """When it was begun, if it is or was a draft."""
    contributors: tuple[str, ...] = ()
    """Everybody who had a hand in the content of a draft, sorted; empty for versions that never were one."""


class VersionSummary(Frozen):
    """One line of a list of versions."""

    version: VersionName
    digest: Digest
    created_at: Utc
    stage: StageName | None
    release_status: ReleaseStatus
    draft: bool = False


class VersionPage(Answer):
    """Versions of one application, newest first."""

    versions: tuple[VersionSummary, ...]
    next: str | None = None
    """Pass as `after` to read on; None at the end."""


class QuarantinedVersion(Frozen):
    """A version that was rolled back from: it may not enter the stage until it is certified there again."""

    version: VersionName
    promotion_id: str
    """The rollback that replaced it."""
    reason: str
    since: Utc


class StandingVersion(Frozen):
    """Which version is current in a stage."""

    stage: StageName
    version: VersionName | None
    since: Utc | None
    previous: VersionName | None = None
    """The one that was current before."""
    previous_good: VersionName | None = None
    """The newest earlier current version that is not quarantined: where a rollback would go."""
    quarantined: tuple[QuarantinedVersion, ...] = ()
    """Sorted by version."""


class ApplicationView(Answer):
    """One application with its business context and its stage board."""

    project: ProjectName
    application: ApplicationName
    title: str
    criticality: Criticality
    maturity: Maturity
    owners: tuple[str, ...]
    labels: dict[str, str]
    lifecycle: LifecycleName
    packages: tuple[Purl, ...]
    revision: int
    board: tuple[StandingVersion, ...] = ()
    intake: IntakeRule | None = None
    bound: tuple[Purl, ...] = ()
    """Further packages that were bound by the intake rule, sorted; only where one application is shown."""


class ApplicationPage(Answer):
    """Applications of one project, by name."""

    applications: tuple[ApplicationView, ...]
    next: str | None = None


class LifecycleView(Frozen):
    """A named lifecycle."""

    lifecycle: LifecycleName
    stages: tuple[StageView, ...]


class ProjectView(Answer):
    """One project."""

    project: ProjectName
    title: str
    public_badges: bool
    lifecycles: tuple[LifecycleView, ...] = ()
    revision: int


class ProjectPage(Answer):
    """Projects the caller may see, by name."""

    projects: tuple[ProjectView, ...]
    next: str | None = None
