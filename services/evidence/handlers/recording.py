"""Putting evidence on record: the one way in, for what is submitted, published, and signed by Hallmark itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.evidence.v1.commands import Receipt
from contracts.evidence.v1.events import EvidenceAdded
from contracts.facts import EvidenceItem, Standing
from services.evidence.domain.log import EntryKind, LogEntry
from services.evidence.domain.record import REMEDIES, Record
from services.evidence.storage.blobs import claim_blob
from services.evidence.storage.journal import Pending
from services.evidence.storage.records import Recording
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.messaging.unit_of_work import UnitOfWork
from shared.records import record_digest
from shared.trust.verification import Problem


@dataclass(frozen=True)
class Submission:
    """An envelope that was examined."""

    project: str
    application: str | None
    data: bytes
    """The envelope; empty when it lies in the blob store already."""
    size: int
    record: Record
    roots_state: str
    """The state of the trust roots that it was judged by."""
    unit: UnitOfWork
    """Says what came of this one."""
    logged_as: EntryKind = EntryKind.EVIDENCE
    staged: bool = False
    """Whether its components are stored already."""

    @property
    def key(self) -> tuple[str, str]:
        """What it is on record as."""
        return self.project, self.record.item.evidence_id


async def put_on_record(
    work: EvidenceWork, submissions: Sequence[Submission], *, hopeful: bool = False
) -> list[tuple[Receipt, Pending | None]]:
    """Keep them and tell everybody; for each its receipt, and the entry that the log still needs.

    The same envelope again changes nothing and needs no entry. Whoever is `hopeful` that none is on record yet saves a
    question, and gets `DuplicateKeyError` when one is.
    """
    known = {} if hopeful else await work.records.known({one.key for one in submissions})
    fresh: dict[tuple[str, str], Submission] = {}
    for one in submissions:
        if one.key not in known:
            fresh.setdefault(one.key, one)
    for one in fresh.values():
        if not one.data:
            await claim_blob(work.unit, one.project, one.record.item.content_digest)
    recordings = [
        Recording(one.project, one.application, one.record, one.data, one.size, one.roots_state, one.staged)
        for one in fresh.values()
    ]
    positions = dict(zip(fresh, await work.records.add_all(recordings), strict=True))
    done: list[tuple[Receipt, Pending | None]] = []
    for one in submissions:
        if fresh.get(one.key) is one:
            done.append((receipt(one.record.item, positions[one.key], duplicate=False), _announced(one, positions)))
        else:
            item = known.get(one.key, one.record.item)
            counted = await work.records.positions(one.project, item.subjects)
            place = await work.journal.place_of(item.evidence_id)
            again = receipt(item, counted, duplicate=True).model_copy(update={"log_index": place})
            done.append((again, None))
    return done


def _announced(one: Submission, positions: dict[tuple[str, str], dict[str, int]]) -> Pending:
    item = one.record.item
    one.unit.announce(
        EvidenceAdded(
            project=one.project,
            application=one.application,
            item=item,
            positions=positions[one.key],
            submitted_by=item.submitted_by,
        )
    )
    return Pending.of(
        LogEntry(
            one.logged_as,
            one.project,
            one.application,
            item.evidence_id,
            item.content_digest,
            recorded_at=one.unit.now,
            record=record_digest(item),
        )
    )


def receipt(item: EvidenceItem, positions: dict[str, int], *, duplicate: bool) -> Receipt:
    """What the submitter gets."""
    return Receipt(
        evidence_id=item.evidence_id,
        content_digest=item.content_digest,
        verified=item.standing is Standing.VERIFIED,
        problem=item.problem,
        remedy=REMEDIES[Problem(item.problem)] if item.problem else "",
        predicate_type=item.predicate_type,
        kind=item.facts.kind,
        signers=item.signers,
        positions=positions,
        duplicate=duplicate,
    )
