"""The sequencer: grows the log from its queue, one instance at a time, in batches.

Its lease is fenced inside the transaction that writes, so two that both think they hold it cannot fork the log. A
crash before the commit leaves the queue as it was; one after it leaves nothing to do.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

from contracts.headers import Meta
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.messaging.inbox import AlreadyHandledError
from shared.mongo import Document, Lease
from shared.mongo.lease import LeaseLostError
from shared.service import Running

BATCH = 256
_POLL_SECONDS = 0.05
"""Entries queued by other instances are found this late at most; this one's own are found at once."""


async def sequence(run: Running[EvidenceWork]) -> None:
    """Give queued entries their places, for ever."""
    lease = Lease(run.database, "log", run.settings.instance)
    queue = run.database.collection("log_queue")
    try:
        while True:
            run.dispatcher.committed.clear()
            rows: list[Document] = []
            if await lease.hold():
                rows = await queue.find({}, sort=(("order", 1), ("place", 1)), limit=BATCH)
            if rows:
                with suppress(LeaseLostError, AlreadyHandledError):
                    await _sequence_batch(run, lease, rows)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await run.dispatcher.committed.wait()
    finally:
        await lease.release()


async def _sequence_batch(run: Running[EvidenceWork], lease: Lease, rows: list[Document]) -> None:
    key = f"log:{rows[0]['_id']}"
    meta = Meta(message_id=key, correlation_id=key, source="/hallmark/evidence", time=run.clock())
    await run.dispatcher.perform(partial(_grow, lease, rows), meta=meta, key=key)


async def _grow(lease: Lease, rows: list[Document], work: EvidenceWork) -> None:
    if work.unit.session is None:
        raise RuntimeError("the log grows inside a transaction")
    await lease.fence(work.unit.session)
    logged = await work.journal.sequence(rows)
    await work.checkpoints.sign(logged.size, logged.root)
    for attested in logged.announcements:
        work.unit.announce(attested)
