"""Judging again: after a change of trust roots, every record of the project, in the background.

- One instance at a time, under a lease that each transaction is fenced by.
- A step judges some records with the roots in force and the moment of their receipt. New standings, their log entries
  and events, and how far the work has come are one transaction: a crash loses one step at most, and repeats none.
- Several changes in a row are judged at once, by the newest: what counts is whether every record was judged by it.
- Whatever breaks while a record is judged takes away its power to allow, and holds up no other record.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from contracts.evidence.v1.events import EvidenceRejudged
from contracts.facts import EvidenceItem
from contracts.headers import Meta
from services.evidence.domain.log import EntryKind, LogEntry
from services.evidence.domain.record import record_of
from services.evidence.storage.blobs import read_blob
from services.evidence.storage.rejudging import close, opened, outdated
from services.evidence.storage.trust_roots import RootsSeen, roots_in
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.errors import Transient
from shared.logs import log
from shared.mongo import Document, Lease
from shared.mongo.lease import LeaseLostError
from shared.records import record_digest
from shared.service import Running
from shared.trust.rejudging import earlier, judged_again
from shared.trust.verification import judge

BATCH = 32
EVERY_SECONDS = 0.5


@dataclass(frozen=True)
class Judged:
    """A record as it is, and as it would be recorded by the roots in force: None when it cannot be read any more."""

    document: Document
    item: EvidenceItem
    fresh: EvidenceItem | None


async def rejudge(run: Running[EvidenceWork]) -> None:
    """Judge again what lags behind its project's trust roots, for ever."""
    lease = Lease(run.database, "rejudging", run.settings.instance)
    try:
        while True:
            found = await opened(run.database) if await lease.hold() else []
            # One step per project in turn, so that a large project does not hold up a small one.
            worked = [await step(run, lease, project) for project in found]
            if not any(worked):
                await asyncio.sleep(EVERY_SECONDS)
    finally:
        await lease.release()


async def step(run: Running[EvidenceWork], lease: Lease, opening: Document) -> bool:
    """Judge some records of one project; whether there were any, and it is worth coming back at once."""
    project = str(opening["_id"])
    seen = await roots_in(run.database, project)
    documents = await outdated(run.database, project, seen.state, BATCH)
    if not documents:
        await close(run.database, opening, run.clock())
        return False
    judged = [await _judged(run, project, document, seen) for document in documents]
    # Records say themselves whether they were judged, and the lease keeps others away: any new key will do.
    key = f"rejudge:{uuid4().hex}"
    meta = Meta(message_id=key, correlation_id=key, source="/hallmark/evidence", time=run.clock())
    try:
        await run.dispatcher.perform(partial(_keep, lease, project, seen, judged), meta=meta, key=key)
    except (LeaseLostError, Transient):
        return False
    return await lease.hold()


async def _judged(run: Running[EvidenceWork], project: str, document: Document, seen: RootsSeen) -> Judged:
    item = EvidenceItem.model_validate_json(document["item"])
    data = await read_blob(run.database, project, item.content_digest)
    fresh = None
    try:
        if data is not None:
            # In a thread: thousands of signatures in a row must not keep asks waiting.
            fresh = await asyncio.to_thread(_fresh, project, data, seen, item)
    except Exception as error:  # noqa: BLE001 - whatever breaks must take away power to allow, and stop nothing else
        log.error("evidence cannot be judged again", project=project, evidence=item.evidence_id, exc_info=error)
    return Judged(document, item, fresh)


def _fresh(project: str, data: bytes, seen: RootsSeen, item: EvidenceItem) -> EvidenceItem:
    at = item.received_at
    return record_of(project, data, judge(data, seen.roots, at), at).item


async def _keep(lease: Lease, project: str, seen: RootsSeen, judged: list[Judged], work: EvidenceWork) -> None:
    if work.unit.session is None:
        raise RuntimeError("standings change inside a transaction")
    await lease.fence(work.unit.session)
    if (await roots_in(work.unit, project)).state != seen.state:
        raise Transient("trust_roots_changed", "The trust roots changed while evidence was judged again.")
    # Backwards, so that of two roots of one name the project's own, which is listed first, wins.
    revisions = {root.trust_root: root.revision for root in reversed(await work.trust_roots.of(project))}
    await work.rejudgings.judged([one.document for one in judged], seen.state)
    for one in judged:
        await _keep_one(project, one, revisions, work)


async def _keep_one(project: str, one: Judged, revisions: dict[str, int], work: EvidenceWork) -> None:
    changed = judged_again(one.item, one.fresh)
    if changed is None:
        return
    item, root = changed.item, changed.trust_root
    before = earlier(one.item, work.unit.now, root, revisions.get(root, 0))
    positions = await work.rejudgings.keep(project, item, before)
    await work.journal.enter(
        LogEntry(
            EntryKind.JUDGEMENT,
            project,
            one.document["application"],
            item.evidence_id,
            item.content_digest,
            recorded_at=work.unit.now,
            record=record_digest(item),
        )
    )
    work.unit.announce(
        EvidenceRejudged(
            project=project,
            application=one.document["application"],
            item=item,
            before=before,
            trust_root=root,
            trust_root_revision=before.trust_root_revision,
            positions=positions,
            at=work.unit.now,
        )
    )
