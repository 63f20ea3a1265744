"""What the evidence service is asked and told to do."""

from __future__ import annotations

from contracts.answers import Applied
from contracts.evidence.v1.commands import (
    ApplyTrustRoot,
    RecordApproval,
)
from contracts.evidence.v1.events import TrustRootApplied
from contracts.facts import ApprovalFacts, Signer
from contracts.vocabulary import Role
from services.evidence.domain.log import EntryKind, LogEntry
from services.evidence.domain.passage import (
    approval_statement,
)
from services.evidence.domain.record import own_record
from services.evidence.handlers import HANDLERS
from services.evidence.handlers.recording import Submission, put_on_record
from services.evidence.storage.trust_roots import roots_state
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.errors import Invalid
from shared.identity import EVERYWHERE
from shared.trust import statement as in_toto
from shared.trust.roots import OWN_ROOT
from shared.trust.statement import Subject


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
