"""How the promotion service describes what goes on."""

from __future__ import annotations

from contracts.findings import Finding
from contracts.message import Answer
from contracts.vocabulary import (
    ApplicationName,
    Digest,
    Frozen,
    Outcome,
    ProjectName,
    PromotionKind,
    PromotionState,
    StageName,
    Utc,
    VersionName,
)


class Transition(Frozen):
    """One step of a promotion."""

    state: PromotionState
    at: Utc
    because: str


class PromotionView(Answer):
    """One promotion, from request to its end."""

    promotion_id: str
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    kind: PromotionKind
    from_stage: StageName | None
    to_stage: StageName
    release: bool
    state: PromotionState
    attempt: int
    """Counts how often the gates were asked, from 1."""
    requested_by: str
    reason: str
    requested_at: Utc
    deadline: Utc
    verdict_id: str | None = None
    outcome: Outcome | None = None
    findings: tuple[Finding, ...] = ()
    """Of the newest verdict."""
    passage_digest: Digest | None = None
    log_index: int | None = None
    history: tuple[Transition, ...] = ()
    replaced: VersionName | None = None
    """The version that stood in the stage before."""
    waivers: tuple[str, ...] = ()
    """Ids of those that the newest verdict needed, sorted."""
    may_be_trusted: bool = True
    """Whether the newest verdict lets a release be called trusted."""


class PromotionPage(Answer):
    """Promotions, newest first."""

    promotions: tuple[PromotionView, ...]
    next: str | None = None


class Readiness(Answer):
    """What still stands between a version and its next stage."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    from_stage: StageName | None
    to_stage: StageName | None
    """None when there is no next stage."""
    outcome: Outcome | None
    findings: tuple[Finding, ...] = ()
    judged_at: Utc
