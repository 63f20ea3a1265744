"""How the gate describes its policies and decisions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from contracts.circumstances import Circumstances
from contracts.clearance import GateSignature, SignedClearance
from contracts.findings import Finding
from contracts.gate.v1.commands import Passage
from contracts.message import Answer
from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    Digest,
    Frozen,
    Mode,
    Outcome,
    PolicyName,
    ProjectName,
    PromotionKind,
    Utc,
    VersionName,
)


class PolicyView(Answer):
    """One policy as it applies now."""

    project: ProjectName
    policy: PolicyName
    digest: Digest
    revision: int
    mode: Mode
    document: dict[str, Any]
    applied_at: Utc
    applied_by: str


class PolicyPage(Answer):
    """The policies of a project, by name."""

    policies: tuple[PolicyView, ...]
    next: str | None = None


class PolicyRevision(Frozen):
    """One revision of a policy; what it says is read by its digest."""

    revision: int
    """Counts the changes of the policy, from 1."""
    digest: Digest
    """Two revisions that say the same have the same."""
    mode: Mode
    applied_at: Utc
    applied_by: str


class PolicyRevisionPage(Answer):
    """The revisions of one policy, newest first."""

    revisions: tuple[PolicyRevision, ...]
    next: int | None = None


ONLY_IN_VIEWS = frozenset({"considered", "circumstances"})
"""Fields of a verdict that may be long: its announcement, and so the log, carry their digests."""


class UsedEvidence(Frozen):
    """One piece of evidence a verdict read."""

    evidence_id: str
    content_digest: Digest


class ConsideredEvidence(Frozen):
    """One piece of evidence that counted when a verdict was given, whether it decided anything or not."""

    evidence_id: str
    content_digest: Digest
    record: Digest
    """Digest of the canonical `EvidenceItem`, which the log's entry about the evidence holds too."""


class UsedWaiver(Frozen):
    """One waiver that a verdict needed."""

    waiver_id: str
    digest: Digest
    """Of the canonical `WaiverFacts`."""


class VerdictSignature(GateSignature):
    """The gate's own signature (DSSE) over the verdict as announced, without this field."""


class VerdictView(Answer):
    """One verdict with everything it was based on."""

    verdict_id: str
    promotion_id: str
    attempt: int
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    passages: tuple[Passage, ...]
    requested_by: str
    outcome: Outcome
    findings: tuple[Finding, ...]
    policy_digests: tuple[Digest, ...]
    evidence: tuple[UsedEvidence, ...]
    evidence_set: Digest
    fingerprint: Digest
    """Digest of everything that the decision read."""
    judged_at: Utc
    expires_at: Utc
    """Not to be acted on after this: evidence ages, and so does a verdict."""
    criticality: Criticality = Criticality.UNSPECIFIED
    """Of the application, as the gates knew it."""
    labels: dict[str, str] = {}
    """Of the application, as the gates knew them."""
    considered_digest: Digest | None = None
    """Digest of the canonical list `considered`; None for verdicts given before it was pinned."""
    evidence_count: int = 0
    """How many pieces of evidence it rests on; `evidence` names them all, or none when they are more than 600."""
    kind: PromotionKind = PromotionKind.PROMOTE
    waivers: tuple[UsedWaiver, ...] = ()
    """Those that it needed, by id."""
    may_be_trusted: bool = True
    """Whether a release that rests on it may be called trusted: policies can say no to one that needed a waiver."""
    awaited_until: Utc | None = None
    """For `pending`: how long what is missing is waited for."""
    circumstances_digest: Digest | None = None
    """Of the canonical `Circumstances` that were so when it was given."""
    clearance: Annotated[SignedClearance | None, Field(exclude_if=lambda value: value is None)] = None
    """Exactly for `allow`: what the services that act on the verdict check. Left out when there is none."""
    signature: VerdictSignature | None = None
    considered: tuple[ConsideredEvidence, ...] = ()
    """All evidence that counted, by id. Left out of lists."""
    circumstances: Circumstances | None = None
    """What else it was given on. Left out of lists."""


class VerdictPage(Answer):
    """Verdicts on one version, newest first."""

    verdicts: tuple[VerdictView, ...]
    next: str | None = None


class Confirmation(Answer):
    """Whether a verdict would still be given, judged now."""

    verdict_id: str
    holds: bool
    because: str
    """What has changed; empty when it holds."""


class Judgement(Answer):
    """What the gates would say now, without any promotion asking for it."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    evidence_set: Digest
    judged_at: Utc


class VerdictKey(Frozen):
    """One key that the gate signs or signed verdicts with. The log holds an entry about it, under its id."""

    key_id: Digest
    """SHA-256 of its SubjectPublicKeyInfo."""
    pem: str
    since: Utc


class VerdictKeys(Answer):
    """All of them, the oldest first."""

    keys: tuple[VerdictKey, ...]
