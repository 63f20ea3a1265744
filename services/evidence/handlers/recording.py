"""Putting evidence on record: the one way in, for what is submitted, published, and signed by Hallmark itself."""

from __future__ import annotations

from contracts.evidence.v1.commands import Receipt
from contracts.evidence.v1.events import EvidenceAdded
from contracts.facts import EvidenceItem
from services.evidence.domain.log import EntryKind, LogEntry
from services.evidence.domain.record import REMEDIES, Record
from services.evidence.domain.verification import Problem
from services.evidence.storage.records import keep_blob
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.digests import canonical_digest


async def put_on_record(
    work: EvidenceWork,
    project: str,
    application: str | None,
    data: bytes,
    record: Record,
    *,
    by: str,
    kind: EntryKind = EntryKind.EVIDENCE,
) -> Receipt:
    """Keep it, log it as that kind and tell everybody; the same envelope again changes nothing."""
    item = record.item
    known = await work.records.known(project, item.evidence_id)
    if known:
        return receipt(known, await work.records.positions(project, known.subjects), duplicate=True)
    await keep_blob(work.unit, project, data)
    positions = await work.records.add(project, application, record, size=len(data), by=by)
    entry = LogEntry(
        kind,
        project,
        application,
        item.evidence_id,
        item.content_digest,
        recorded_at=work.unit.now,
        record=canonical_digest(item.model_dump(mode="json")),
    )
    await work.journal.enter(entry)
    work.unit.announce(
        EvidenceAdded(project=project, application=application, item=item, positions=positions, submitted_by=by)
    )
    return receipt(item, positions, duplicate=False)


def receipt(item: EvidenceItem, positions: dict[str, int], *, duplicate: bool) -> Receipt:
    """What the submitter gets."""
    return Receipt(
        evidence_id=item.evidence_id,
        content_digest=item.content_digest,
        verified=item.verified,
        problem=item.problem,
        remedy=REMEDIES[Problem(item.problem)] if item.problem else "",
        predicate_type=item.predicate_type,
        kind=item.facts.kind,
        signers=item.signers,
        positions=positions,
        duplicate=duplicate,
    )
