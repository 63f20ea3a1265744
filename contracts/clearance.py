"""What the gate signs when it lets a version through: enough for whoever acts on it to check that by itself."""

from __future__ import annotations

from contracts.vocabulary import (
    ApplicationName,
    Digest,
    Frozen,
    GateKind,
    ProjectName,
    PromotionKind,
    StageName,
    Utc,
    VersionName,
)


class GateSignature(Frozen):
    """The gate's own signature (DSSE), made with its identity key."""

    key_id: Digest
    """SHA-256 of the key's SubjectPublicKeyInfo."""
    value: str
    """Base64."""


class ClearedGate(Frozen):
    """One gate that the version may pass."""

    stage: StageName
    gate: GateKind
    open: bool = False
    """Whether it was judged as one that the lifecycle declares open."""


class Clearance(Frozen):
    """One version may pass these gates, for one attempt of one promotion, until it expires."""

    verdict_id: str
    promotion_id: str
    attempt: int
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    artifacts_digest: Digest
    """Of the canonical list of the digests of the version's artifacts, sorted."""
    kind: PromotionKind
    passages: tuple[ClearedGate, ...]
    requested_by: str
    policy_digests: tuple[Digest, ...]
    evidence_digest: Digest
    """Of the canonical list of the digests of the envelopes that decided, sorted."""
    evidence_set: Digest
    waivers: tuple[str, ...]
    """Ids of those that the verdict needed, sorted."""
    may_be_trusted: bool
    judged_at: Utc
    expires_at: Utc


class SignedClearance(Frozen):
    """A clearance, and the gate's signature over its canonical JSON."""

    clearance: Clearance
    signature: GateSignature
