"""What the evidence service is asked and told to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from contracts.answers import Applied
from contracts.evidence.v1.commands import (
    ApplyTrustRoot,
    AttestPassage,
    RecordApproval,
)
from contracts.evidence.v1.events import PassageAttested, TrustRootApplied
from contracts.facts import ApprovalFacts, Signer
from contracts.vocabulary import Role
from services.evidence.domain.log import EntryKind, LogEntry
from services.evidence.domain.passage import (
    Passage,
    Resource,
    approval_statement,
    levels_of,
    passage_statement,
    result_statement,
)
from services.evidence.domain.record import evidence_id, own_record
from services.evidence.handlers import HANDLERS
from services.evidence.handlers.recording import Submission, put_on_record
from services.evidence.storage.blobs import keep_blobs
from services.evidence.storage.trust_roots import roots_state
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.clearances import gates_of, require_clearance
from shared.digests import canonical_digest, sha256_digest
from shared.errors import Invalid
from shared.identity import EVERYWHERE
from shared.trust import statement as in_toto
from shared.trust.roots import OWN_ROOT
from shared.trust.statement import Subject
from shared.version import VERSION


@HANDLERS.command(ApplyTrustRoot)
async def apply_trust_root(command: ApplyTrustRoot, work: EvidenceWork) -> Applied:
    """Begin or change to believe some keys, and have what is on record judged again."""
    work.unit.caller.require(command.project, Role.SECURITY)
    everywhere = command.shared or await work.trust_roots.is_shared(command.project, command.trust_root)
    if everywhere:
        work.unit.caller.require(EVERYWHERE, Role.ADMIN)
    if command.trust_root == OWN_ROOT:
        raise Invalid(
            "trust_root_reserved", f"{OWN_ROOT} names Hallmark's own key.", remedy="Give the trust root another name."
        )
    root, applied = await work.trust_roots.apply(command)
    rejudges = 0
    if applied.change != "unchanged":
        rejudges = await work.rejudgings.begin(None if everywhere else command.project)
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
    return Applied(kind="TrustRoot", name=command.trust_root, rejudges=rejudges, **applied._asdict())


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
        approver_kind=tell.approver_kind,
    )
    name = f"{tell.project}/{tell.application}/{tell.version}"
    signed = approval_statement([Subject(tell.version_digest, name)], facts, tell.decided_at)
    own = await work.signer()
    data = own.envelope(signed)
    signer = Signer(key_id=own.key_id, trust_root=OWN_ROOT, role=tell.role.value)
    record = own_record(tell.project, data, in_toto.parse(signed), signer, work.unit.now, by=tell.approver)
    state = await roots_state(work.unit, tell.project)
    submission = Submission(
        tell.project,
        tell.application,
        data,
        len(data),
        record,
        roots_state=state,
        unit=work.unit,
        logged_as=EntryKind.APPROVAL,
    )
    for _, entry in await put_on_record(work, [submission]):
        if entry:
            await work.journal.queue([entry])


@HANDLERS.on(AttestPassage)
async def attest_passage(tell: AttestPassage, work: EvidenceWork) -> None:
    """Sign that a version passed the gates that cleared it. It is announced once the log holds it, and told again.

    Raises `Conflict` (`clearance_invalid`) for what no gate has cleared.
    """
    gates = gates_of(tell.kind, tell.from_stage, tell.to_stage, release=tell.release)
    require_clearance(tell, tell.clearance, work.keyring.gate_keys, gates=gates)
    key = f"{tell.promotion_id}|{tell.attempt}"
    if known := await work.passages.get(key):
        if (place := await work.journal.place_of(known["digest"])) is not None:
            work.unit.announce(_attested(tell, known["digest"], place, work.unit.now))
        return
    passage, own = _passage(tell), await work.signer()
    summary, result = (own.envelope(made(passage)) for made in (passage_statement, result_statement))
    await keep_blobs(work.unit, [(tell.project, data) for data in (summary, result)])
    digest, result_digest = sha256_digest(summary), sha256_digest(result)
    document = {"project": tell.project, "promotion_id": tell.promotion_id, "attempt": tell.attempt}
    await work.passages.add(
        {**document, "_id": key, "digest": digest, "result_digest": result_digest, "at": work.unit.now}
    )
    entry = LogEntry(EntryKind.PASSAGE, tell.project, tell.application, key, result_digest, recorded_at=work.unit.now)
    # The result goes first: once the summary has its index and is announced, the log holds both.
    await work.journal.enter(entry, tell.promotion_id, tell.version_digest)
    attested = _attested(tell, digest, 0, work.unit.now)
    await work.journal.enter(replace(entry, digest=digest), tell.promotion_id, tell.version_digest, then=attested)


def _attested(tell: AttestPassage, digest: str, log_index: int, at: datetime) -> PassageAttested:
    return PassageAttested(
        project=tell.project,
        application=tell.application,
        version=tell.version,
        promotion_id=tell.promotion_id,
        attempt=tell.attempt,
        verdict_id=tell.verdict_id,
        passage_digest=digest,
        log_index=log_index,
        at=at,
    )


def _passage(tell: AttestPassage) -> Passage:
    project = tell.project
    name = f"{project}/{tell.application}/{tell.version}"
    policies = f"hallmark:{project}/policies"
    return Passage(
        subjects=(Subject(tell.version_digest, name), *(Subject(digest) for digest in tell.artifacts)),
        verdict_id=tell.verdict_id,
        verifier_id="https://hallmark.dev/gate",
        verifier_version=VERSION,
        verified_at=tell.judged_at,
        resource_uri=f"hallmark:{name}@{tell.to_stage}",
        policy_uri=policies,
        policy_digest=canonical_digest(sorted(tell.policy_digests)),
        policies=tuple(Resource(f"{policies}/{digest}", digest) for digest in tell.policy_digests),
        inputs=tuple(
            Resource(f"hallmark:{project}/evidence/{evidence_id(project, digest)}", digest)
            for digest in tell.evidence_digests
        ),
        passed=True,
        levels=levels_of(tell.to_stage, release=tell.release, trusted=tell.trusted),
        waivers=tell.waivers,
    )
