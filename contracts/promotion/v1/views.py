"""How the promotion service describes what goes on."""

from __future__ import annotations

from typing import Literal

from contracts.findings import Finding
from contracts.message import Answer
from contracts.vocabulary import (
    ActorKind,
    ApplicationName,
    Digest,
    Frozen,
    Outcome,
    ProjectName,
    PromotionKind,
    PromotionState,
    Role,
    StageName,
    Utc,
    VersionName,
)


class Transition(Frozen):
    """One step of a promotion."""

    state: PromotionState
    at: Utc
    because: str
    attempt: int = 1
    verdict_id: str | None = None
    """The newest verdict of that attempt at the time."""


class ApprovalView(Frozen):
    """What somebody answered."""

    approver: str
    approver_kind: ActorKind
    role: Role
    decision: Literal["approved", "rejected"]
    reason: str
    evidence_set: Digest
    """What the answer is bound to."""
    at: Utc
    counts: bool
    """False once other evidence is there than the answer was about: it is withdrawn then, and has to be given again."""


class IgnoredFact(Frozen):
    """A fact that changed nothing: it came late, twice, or was about something else."""

    fact: str
    why: str
    at: Utc


class BrokenGlass(Frozen):
    """Two people let this promotion through a freeze, or one asks that it be."""

    asked_by: str
    reason: str
    asked_at: Utc
    confirmed_by: str | None
    until: Utc
    """When the breaking, or the asking for it, ends."""


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
    requested_by_kind: ActorKind = ActorKind.HUMAN
    train_id: str | None = None
    """The train that it is a member of."""
    queue_position: int | None = None
    """While it waits for its stage: 1 is next."""
    superseded_by: VersionName | None = None
    """The newer version that took its place."""
    frozen_by: str | None = None
    """The freeze that holds it back."""
    frozen_until: Utc | None = None
    broken_glass: BrokenGlass | None = None
    approvals: tuple[ApprovalView, ...] = ()
    """What people answered, oldest first."""
    ignored: tuple[IgnoredFact, ...] = ()
    """The newest twenty facts that changed nothing; lists of promotions leave them out."""


class PromotionPage(Answer):
    """Promotions, newest first."""

    promotions: tuple[PromotionView, ...]
    next: str | None = None


class ApprovalPage(Answer):
    """Promotions that wait for people's answers, those that end first leading."""

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
