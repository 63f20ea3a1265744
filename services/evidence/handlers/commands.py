"""What the evidence service is asked and told to do."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.answers import Applied
from contracts.evidence.v1.commands import (
    ApplyTrustRoot,
    AttestPassage,
    EvidencePublished,
    Receipt,
    RecordApproval,
    SubmitEvidence,
)
from contracts.evidence.v1.events import PassageAttested, TrustRootApplied
from contracts.facts import ApprovalFacts, Signer
from contracts.vocabulary import Role
from services.evidence.domain import statement as in_toto
from services.evidence.domain.log import EntryKind, LogEntry
from services.evidence.domain.passage import Passage, approval_statement, passage_statement
from services.evidence.domain.record import Record, own_record, record_of
from services.evidence.domain.statement import Subject
from services.evidence.domain.verification import judge
from services.evidence.handlers import HANDLERS
from services.evidence.handlers.recording import put_on_record
from services.evidence.keyring import OWN_ROOT
from services.evidence.storage.records import keep_blob, read_blob
from services.evidence.storage.trust_roots import roots_in
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.clock import utc_now
from shared.digests import canonical_digest, sha256_digest
from shared.errors import Invalid, NotFound, TooLarge, Transient
from shared.identity import EVERYWHERE
from shared.messaging.dispatcher import Outside

SUBMITTERS = (Role.CONTRIBUTOR, Role.SECURITY, Role.RELEASE_MANAGER)


@dataclass(frozen=True)
class Examined:
    """An envelope, judged by the trust roots that were in force."""

    data: bytes
    record: Record
    roots_state: str


async def examine(message: SubmitEvidence | EvidencePublished, outside: Outside) -> Examined:
    """Verify and read outside of the transaction: that is work for the processor, not for the database.

    Raises `Invalid` or `TooLarge` for what is no sound envelope: nothing of it is kept.
    """
    outside.caller.require(message.project, *SUBMITTERS)
    data = await _content(message, outside)
    if len(data) > outside.equipment.max_evidence_bytes:
        raise TooLarge(
            "evidence_too_large",
            f"The envelope has {len(data)} bytes, above {outside.equipment.max_evidence_bytes}.",
            remedy="Hand in less at once.",
        )
    seen = await roots_in(outside.database, message.project)
    at = utc_now()
    return Examined(data, record_of(message.project, data, judge(data, seen.roots, at), at), seen.state)


async def _content(message: SubmitEvidence | EvidencePublished, outside: Outside) -> bytes:
    digest = message.content_digest if isinstance(message, SubmitEvidence) else None
    if (message.envelope is None) == (digest is None):
        raise Invalid(
            "evidence_absent", "Hand in an envelope or the digest of an uploaded one.", remedy="Give one of the two."
        )
    if message.envelope is not None:
        return message.envelope.encode()
    data = await read_blob(outside.database, message.project, str(digest))
    if data is None:
        raise NotFound("blob_unknown", f"Nothing with the digest {digest} was uploaded.", remedy="Upload it first.")
    return data


async def _record(message: SubmitEvidence | EvidencePublished, work: EvidenceWork, examined: Examined) -> Receipt:
    seen = await roots_in(work.unit, message.project)
    if seen.state != examined.roots_state:
        raise Transient("trust_roots_changed", "The trust roots changed while the evidence was examined.")
    by = work.unit.caller.actor.subject
    return await put_on_record(work, message.project, message.application, examined.data, examined.record, by=by)


@HANDLERS.command(SubmitEvidence, prepare=examine)
async def submit_evidence(command: SubmitEvidence, work: EvidenceWork, examined: Examined) -> Receipt:
    """Put an envelope on record, believed or not."""
    return await _record(command, work, examined)


@HANDLERS.on(EvidencePublished, prepare=examine)
async def evidence_published(message: EvidencePublished, work: EvidenceWork, examined: Examined) -> None:
    """As `submit_evidence`, for whoever publishes instead of asking."""
    await _record(message, work, examined)


@HANDLERS.command(ApplyTrustRoot)
async def apply_trust_root(command: ApplyTrustRoot, work: EvidenceWork) -> Applied:
    """Begin or change to believe some keys."""
    work.unit.caller.require(command.project, Role.SECURITY)
    if command.shared or await work.trust_roots.is_shared(command.project, command.trust_root):
        work.unit.caller.require(EVERYWHERE, Role.ADMIN)
    if command.trust_root == OWN_ROOT:
        raise Invalid(
            "trust_root_reserved", f"{OWN_ROOT} names Hallmark's own key.", remedy="Give the trust root another name."
        )
    root, applied = await work.trust_roots.apply(command)
    if applied.change != "unchanged":
        by = work.unit.caller.actor.subject
        await work.journal.enter(
            LogEntry(
                EntryKind.TRUST_ROOT,
                command.project,
                None,
                command.trust_root,
                applied.digest,
                recorded_at=work.unit.now,
            )
        )
        work.unit.announce(
            TrustRootApplied(
                project=command.project,
                application=None,
                trust_root=command.trust_root,
                key_ids=tuple(key.key_id for key in root.keys),
                role=root.role,
                distrust_after=root.distrust_after,
                revision=applied.revision,
                digest=applied.digest,
                by=by,
                at=work.unit.now,
            )
        )
    return Applied(kind="TrustRoot", name=command.trust_root, **applied._asdict())


@HANDLERS.on(RecordApproval)
async def record_approval(tell: RecordApproval, work: EvidenceWork) -> None:
    """Sign what a person decided, and put it on record as evidence about the version."""
    facts = ApprovalFacts(
        decision=tell.decision,
        approver=tell.approver,
        role=tell.role,
        stage=tell.stage,
        evidence_set=tell.evidence_set,
        reason=tell.reason,
    )
    name = f"{tell.project}/{tell.application}/{tell.version}"
    signed = approval_statement([Subject(tell.version_digest, name)], facts, tell.decided_at)
    data = work.keyring.envelope(signed)
    signer = Signer(key_id=work.keyring.key_id, trust_root=OWN_ROOT, role=tell.role.value)
    record = own_record(tell.project, data, in_toto.parse(signed), signer, work.unit.now)
    await put_on_record(work, tell.project, tell.application, data, record, by=tell.approver)


@HANDLERS.on(AttestPassage)
async def attest_passage(tell: AttestPassage, work: EvidenceWork) -> None:
    """Sign that a version passed its gates. It is announced once the log holds it; a repeat is told again."""
    key = f"{tell.promotion_id}|{tell.attempt}"
    data = work.keyring.envelope(_passage(tell))
    attested = PassageAttested(
        project=tell.project,
        application=tell.application,
        version=tell.version,
        promotion_id=tell.promotion_id,
        attempt=tell.attempt,
        verdict_id=tell.verdict_id,
        passage_digest=sha256_digest(data),
        log_index=0,
        at=work.unit.now,
    )
    if await work.passages.get(key):
        place = await work.journal.place_of(attested.passage_digest)
        if place is not None:
            work.unit.announce(attested.model_copy(update={"log_index": place}))
        return
    await keep_blob(work.unit, tell.project, data)
    await work.passages.add({"_id": key, "digest": attested.passage_digest, "at": work.unit.now})
    entry = LogEntry(
        EntryKind.PASSAGE, tell.project, tell.application, key, attested.passage_digest, recorded_at=work.unit.now
    )
    await work.journal.enter(entry, tell.promotion_id, tell.version_digest, then=attested)


def _passage(tell: AttestPassage) -> bytes:
    name = f"{tell.project}/{tell.application}/{tell.version}"
    subjects = (Subject(tell.version_digest, name), *(Subject(digest) for digest in tell.artifacts))
    return passage_statement(
        Passage(
            subjects=subjects,
            verifier_id="https://hallmark.dev/gate",
            verified_at=tell.judged_at,
            resource_uri=f"hallmark:{name}@{tell.to_stage}",
            policy_uri=f"hallmark:{tell.project}/policies",
            policy_digest=canonical_digest(sorted(tell.policy_digests)),
            inputs=tell.evidence_digests,
            passed=True,
            levels=("HALLMARK_TRUSTED_RELEASE",) if tell.release else (f"HALLMARK_STAGE_{tell.to_stage.upper()}",),
        )
    )
