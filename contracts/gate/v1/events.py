"""What the gate says has happened."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.clearance import SignedClearance
from contracts.findings import Finding
from contracts.gate.v1.commands import Passage
from contracts.gate.v1.views import UsedEvidence, UsedWaiver, VerdictSignature
from contracts.message import Event
from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    Digest,
    Mode,
    Outcome,
    PolicyName,
    ProjectName,
    PromotionKind,
    StageName,
    Utc,
    VersionName,
)


class PolicyApplied(Event):
    """A policy came into force, in a first or a new revision."""

    subject: ClassVar[str] = "hallmark.evt.gate.policy.applied.v1"
    project: ProjectName
    application: None = None
    policy: PolicyName
    digest: Digest
    mode: Mode
    revision: int
    by: str
    at: Utc


class VerdictIssued(Event):
    """The gates judged whether one version may pass."""

    subject: ClassVar[str] = "hallmark.evt.gate.verdict.issued.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    verdict_id: str
    promotion_id: str
    attempt: int
    passages: tuple[Passage, ...]
    outcome: Outcome
    findings: tuple[Finding, ...]
    policy_digests: tuple[Digest, ...]
    evidence: tuple[UsedEvidence, ...]
    evidence_set: Digest
    fingerprint: Digest
    judged_at: Utc
    expires_at: Utc
    requested_by: str = ""
    criticality: Criticality = Criticality.UNSPECIFIED
    labels: dict[str, str] = {}
    considered_digest: Digest | None = None
    """Of the list of all evidence that counted, which `VerdictView.considered` holds: enough to recompute it."""
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


class ReadinessChanged(Event):
    """The gates before a version's next stage would say something else than before, should it be asked for."""

    subject: ClassVar[str] = "hallmark.evt.gate.readiness.changed.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    from_stage: StageName | None
    to_stage: StageName | None
    """None when no stage follows any more."""
    outcome: Outcome | None
    findings: tuple[Finding, ...] = ()
    """Those that do not let it pass, with their remedies."""
    at: Utc


class SigningKeyAnnounced(Event):
    """The gate signs its verdicts with this key from now on."""

    subject: ClassVar[str] = "hallmark.evt.gate.signing-key.announced.v1"
    project: None = None
    application: None = None
    key_id: Digest
    pem: str
    at: Utc
