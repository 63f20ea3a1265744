"""What the evidence service can be asked or told to do."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.answers import Applied
from contracts.facts import Signer
from contracts.message import Answer, Command, Intake, Tell
from contracts.vocabulary import (
    ActorKind,
    ApplicationName,
    Digest,
    Document,
    Outcome,
    ProjectName,
    PromotionKind,
    Role,
    StageName,
    Text,
    TrustRootName,
    Utc,
    VersionName,
)

MAX_INLINE = 180_000
"""Characters of an envelope that may travel inside a message; larger ones are uploaded first."""


MAX_AUTHORITY = 100_000
"""Characters of a trusted-root document; that of the public Sigstore has 7,000."""
_Matched = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class TrustedIdentity(Document):
    """Somebody who may sign with a certificate: who vouched for them, what they are called, what else is certified."""

    issuer: _Matched
    """The OIDC issuer, exactly, such as `https://token.actions.githubusercontent.com`."""
    subject: _Matched
    """The certified name. `*` stands for anything without `/` and `@`; `**`, at the end only, for any rest."""
    claims: dict[Annotated[str, StringConstraints(max_length=60)], _Matched] = Field(default={}, max_length=15)
    """Claims that the certificate must make with exactly this value, such as `source_repository_identifier`."""


class ApplyTrustRoot(Command):
    """Say whose signatures a project believes, about what, from when until when.

    A root holds keys, or an authority and identities, or both.
    """

    subject: ClassVar[str] = "hallmark.ask.evidence.trust-root.apply.v1"
    answer: ClassVar[type[Answer]] = Applied
    project: ProjectName
    trust_root: TrustRootName
    keys: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    """Public keys in PEM, as JWK, or as base64 of their DER.

    Ed25519, ECDSA P-256 or P-384, or RSA of at least 2048 bits.
    """
    authority: Annotated[str, Field(max_length=MAX_AUTHORITY)] | None = None
    """A Sigstore trusted root, as text of its JSON document: who certifies identities and logs signatures."""
    identities: Annotated[tuple[TrustedIdentity, ...], Field(max_length=50)] = ()
    """Whose certificates by the authority count."""
    shared: bool = False
    """Whether all projects believe this root. Only administrators of all projects may say so."""
    predicate_types: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    """Exact predicate types this root may vouch for; `*` says all of them, on purpose."""
    role: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    """The signer role that policies ask for, such as `build` or `scanner`."""
    valid_from: Utc | None = None
    distrust_after: Utc | None = None
    """Signatures received after this moment do not count."""
    threshold: Annotated[int, Field(ge=1, le=50)] = 1
    """How many distinct signers of this root must have signed."""


class SubmitEvidence(Command):
    """Hand in a DSSE envelope or a Sigstore bundle: inline when small, else by the digest of an uploaded blob."""

    subject: ClassVar[str] = "hallmark.ask.evidence.record.submit.v1"
    answer: ClassVar[type[Answer]]
    project: ProjectName
    application: ApplicationName | None = None
    envelope: Annotated[str, Field(max_length=MAX_INLINE)] | None = None
    """The envelope's bytes as text (it is JSON)."""
    content_digest: Digest | None = None
    """Digest of a blob uploaded before. Exactly one of the two."""


class Receipt(Answer):
    """Evidence is on record. That says nothing yet about whether it counts."""

    evidence_id: str
    content_digest: Digest
    verified: bool
    problem: str | None
    """Why it does not count, as one code; None when it does."""
    remedy: str = ""
    predicate_type: str
    kind: str
    signers: tuple[Signer, ...]
    positions: dict[Digest, int]
    """Per subject: how many pieces of evidence are on record, this one included."""
    duplicate: bool
    """True when exactly this envelope was on record already."""


SubmitEvidence.answer = Receipt


class EvidencePublished(Intake):
    """A pipeline hands in a signed statement by publishing it: as `SubmitEvidence`, without a reply."""

    subject: ClassVar[str] = "hallmark.in.evidence"
    project: ProjectName
    application: ApplicationName | None = None
    envelope: Annotated[str, Field(max_length=MAX_INLINE)]


class RecordApproval(Tell):
    """Sign and keep what a person decided about a version's entry into a stage. Answered by `EvidenceAdded`."""

    subject: ClassVar[str] = "hallmark.tell.evidence.approval.record.v1"
    promotion_id: str
    version: VersionName
    version_digest: Digest
    stage: StageName
    decision: Literal["approved", "rejected"]
    approver: str
    approver_kind: ActorKind
    role: Role
    evidence_set: Digest
    reason: Text = ""
    decided_at: Utc


class AttestPassage(Tell):
    """Sign and log that a version passed its gates, before it moves. Answered by `PassageAttested`."""

    subject: ClassVar[str] = "hallmark.tell.evidence.passage.attest.v1"
    promotion_id: str
    attempt: int
    kind: PromotionKind
    version: VersionName
    version_digest: Digest
    artifacts: tuple[Digest, ...]
    from_stage: StageName | None
    to_stage: StageName
    release: bool
    verdict_id: str
    outcome: Literal[Outcome.ALLOW]
    policy_digests: tuple[Digest, ...]
    evidence_digests: tuple[Digest, ...]
    judged_at: Utc
