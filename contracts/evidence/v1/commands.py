"""What the evidence service can be asked or told to do."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.answers import Applied
from contracts.clearance import SignedClearance
from contracts.evidence.v1.identities import TrustedIdentity
from contracts.evidence.v1.views import InclusionProof
from contracts.facts import Signer
from contracts.message import Answer, Command, Intake, Tell
from contracts.vocabulary import (
    ActorKind,
    ApplicationName,
    Digest,
    Frozen,
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

MAX_BATCH = 50
"""Envelopes in one batch."""


MAX_AUTHORITY = 100_000
"""Characters of a trusted-root document; that of the public Sigstore has 7,000."""


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
    """Per subject: its position, with this piece of evidence on record."""
    duplicate: bool
    """True when exactly this envelope was on record already."""
    log_index: int | None = None
    """Its place in the transparency log; None when it waits for one, which the log gives it within moments."""
    inclusion: InclusionProof | None = None
    """Proof that the log has it there; with it, nobody can deny having received the evidence. None for duplicates."""


SubmitEvidence.answer = Receipt


class SubmitEvidenceBatch(Command):
    """Hand in several signed statements at once. Each counts for itself: some may be refused while others are kept."""

    subject: ClassVar[str] = "hallmark.ask.evidence.batch.submit.v1"
    answer: ClassVar[type[Answer]]
    project: ProjectName
    application: ApplicationName | None = None
    envelopes: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_BATCH)]
    """Their bytes as text, together small enough for a message."""


class SubmissionOutcome(Frozen):
    """What became of one of them."""

    receipt: Receipt | None = None
    """None when it was not taken; then the rest says why."""
    code: str = ""
    message: str = ""
    remedy: str = ""
    again: bool = False
    """True when nothing was decided about it: hand it in again, under the same command id or another."""


class BatchReceipt(Answer):
    """What became of each, in the order in which they were handed in."""

    outcomes: tuple[SubmissionOutcome, ...]


SubmitEvidenceBatch.answer = BatchReceipt


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
    trusted: bool = True
    """Whether the verdict lets a release be called trusted."""
    waivers: tuple[str, ...] = ()
    """Ids of those that the verdict needed, sorted."""
    clearance: SignedClearance | None = None
    """What the gate signed about this verdict. Without it the tell is refused."""


class WithdrawPassage(Tell):
    """Sign and log that a passage on record did not take place. Answered by `PassageWithdrawn`.

    It opens nothing, so it needs no clearance; the passage must be on record for this attempt of the promotion.
    """

    subject: ClassVar[str] = "hallmark.tell.evidence.passage.withdraw.v1"
    promotion_id: str
    attempt: int
    version: VersionName
    version_digest: Digest
    passage_digest: Digest
    because: Text
