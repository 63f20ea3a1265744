"""One promotion, as a value: what it is about, where it stands, and everything that happened to it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from contracts.vocabulary import (
    ActorKind,
    ApplicationName,
    Criticality,
    Digest,
    Frozen,
    ProjectName,
    PromotionKind,
    PromotionState,
    Role,
    SourceCommit,
    Utc,
    VersionName,
)
from services.promotion.domain.facts import Hold, Verdict
from services.promotion.domain.passages import Route

WAITING = frozenset({PromotionState.REQUESTED, PromotionState.CHECKING, PromotionState.AWAITING_APPROVAL})
"""Nothing is decided yet: it can be cancelled, superseded, and expires at its deadline."""
FINAL = frozenset(
    {
        PromotionState.COMPLETED,
        PromotionState.DENIED,
        PromotionState.CANCELLED,
        PromotionState.EXPIRED,
        PromotionState.FAILED,
    }
)


class Doing(StrEnum):
    """What somebody was told to do and has not answered yet."""

    EVALUATE = "evaluate"
    ATTEST = "attest"
    GATHER = "gather"
    """Nobody was told anything: the other members of the train are awaited."""
    MOVE = "move"
    WITHDRAW = "withdraw"


class Transition(Frozen):
    """One entry of the history."""

    state: PromotionState
    at: Utc
    because: str
    attempt: int = 1
    verdict_id: str | None = None


class Approval(Frozen):
    """What somebody answered, bound to the evidence that they could see."""

    approver: str
    approver_kind: ActorKind
    role: Role
    decision: Literal["approved", "rejected"]
    reason: str
    evidence_set: Digest
    at: Utc


class Glass(Frozen):
    """A way through freezes that two people open."""

    asked_by: str
    reason: str
    asked_at: Utc
    until: Utc
    confirmed_by: str | None = None

    def is_broken(self, at: datetime) -> bool:
        """Whether the promotion may pass a freeze now."""
        return self.confirmed_by is not None and at < self.until


class Withdrawal(Frozen):
    """A passage that was signed and did not take place: the log has to say so."""

    attempt: int
    passage_digest: Digest
    because: str


class Promotion(Frozen):
    """One promotion from request to end."""

    promotion_id: str
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    version_created_at: Utc | None = None
    artifacts: tuple[Digest, ...]
    contained: tuple[Digest, ...] = ()
    """The versions in it and their artifacts."""
    kind: PromotionKind
    route: Route
    criticality: Criticality
    owners: tuple[str, ...]
    source: SourceCommit | None
    requested_by: str
    requested_by_kind: ActorKind = ActorKind.HUMAN
    registered_by: str = ""
    contributors: tuple[str, ...] = ()
    """Who had a hand in the version while it was a draft."""
    reason: str
    requested_at: Utc
    deadline: Utc
    positions: dict[Digest, int]
    """How much evidence the gates must have seen, per subject."""
    train_id: str | None = None
    state: PromotionState
    doing: Doing | None
    stepped_at: Utc
    attempt: int = 1
    stale: int = 0
    """How many attempts came to nothing because the world had changed."""
    verdict: Verdict | None = None
    hold: Hold | None = None
    """The freeze that it waits for, once the gates have allowed it."""
    glass: Glass | None = None
    approvals: tuple[Approval, ...] = ()
    passage_digest: Digest | None = None
    log_index: int | None = None
    withdrawals: tuple[Withdrawal, ...] = ()
    """Those that the log does not know of yet."""
    ends_as: PromotionState | None = None
    """While compensating: what it will be in the end."""
    broken: str = ""
    """Why the train cannot go, learnt while the passage was being signed."""
    superseded_by: VersionName | None = None
    replaced: VersionName | None = None
    history: tuple[Transition, ...] = ()
    revision: int = 0

    @property
    def may_be_trusted(self) -> bool:
        """Whether a release by it may be called trusted: by its verdict, and not through broken glass."""
        is_broken = self.glass is not None and self.glass.confirmed_by is not None
        return self.verdict is not None and self.verdict.may_be_trusted and not is_broken
