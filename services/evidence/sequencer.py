"""The sequencer: puts submissions on record and grows the log, one transaction for all that waits.

- Of all instances, the one that holds the log's lease gives out indexes. Its lease is fenced inside the transaction
  that writes, so two that both think they hold it cannot fork the log.
- It takes what other handlers and other instances have queued first, then what its own submitters wait for; those get
  their place and its proof with their receipt.
- Other instances put submissions on record too, queue the entries, and answer when the holder has given them places.
- A crash before the commit leaves everything as it was; one after it leaves nothing to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from contracts.evidence.v1.commands import Receipt
from services.evidence.handlers.intake import INTAKE, take_in
from services.evidence.handlers.queries import proof_in
from services.evidence.storage.journal import Growth, Pending
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.errors import HallmarkError, Transient
from shared.logs import log
from shared.messaging.dispatcher import Turn
from shared.messaging.grouping import Group, Joined
from shared.mongo import Lease
from shared.mongo.lease import LeaseLostError
from shared.service import Running

BATCH = 256
BATCH_BYTES = 8 * 2**20
"""Envelopes in one transaction, at most, unless a single one is larger."""
_POLL_SECONDS = 0.05
"""Entries queued by other instances are found this late at most; this one's own are found at once."""

Answers = Sequence[tuple[Receipt | HallmarkError, Pending | None]]


async def sequence(run: Running[EvidenceWork]) -> None:
    """Put on record and log whatever waits, for ever."""
    lease = Lease(run.database, "log", run.settings.instance)
    intake = run.dispatcher.groups[INTAKE]
    queue = run.database.collection("log_queue")
    try:
        while True:
            run.dispatcher.committed.clear()
            holds = await lease.hold()
            batch = _next_batch(intake)
            if batch or (holds and await queue.find_one({})):
                with suppress(LeaseLostError):
                    await _commit(run, lease if holds else None, batch)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await run.dispatcher.committed.wait()
    finally:
        await lease.release()


def _next_batch(intake: Group) -> list[Joined]:
    batch = intake.take(BATCH)
    size = 0
    for place, joined in enumerate(batch):
        size += len(joined.prepared.data)
        if size > BATCH_BYTES and place:
            intake.put_back(batch[place:])
            return batch[:place]
    return batch


async def _commit(run: Running[EvidenceWork], lease: Lease | None, batch: list[Joined]) -> None:
    """Commit a batch and settle it. What spoils a batch is looked for one by one, so that it spoils only itself."""

    async def work(turns: Sequence[Turn], work: EvidenceWork) -> list[Receipt | HallmarkError]:
        return await (_write_and_log(lease, turns, work) if lease else _write_and_queue(turns, work))

    try:
        outcomes = await run.dispatcher.perform_together(batch, work)
    except LeaseLostError:
        run.dispatcher.groups[INTAKE].put_back(batch)
        raise
    except Exception as error:
        if len(batch) > 1 and not isinstance(error, Transient):
            log.warning("a batch is committed one by one", size=len(batch), exc_info=error)
            for joined in batch:
                await _commit(run, lease, [joined])
            return
        for joined in batch:
            joined.settle(error)
        if not batch:
            raise
        return
    for joined, outcome in outcomes:
        joined.settle(outcome)


async def _write_and_log(lease: Lease, turns: Sequence[Turn], work: EvidenceWork) -> list[Receipt | HallmarkError]:
    if work.unit.session is None:
        raise RuntimeError("the log grows inside a transaction")
    await lease.fence(work.unit.session)
    queued = await work.journal.take_queued(BATCH)
    taken = await take_in(turns, work)
    entries = [*queued, *(entry for _, entry in taken if entry)]
    if not entries:
        return [answer for answer, _ in taken]
    growth = await work.journal.append(entries)
    note = work.keyring.checkpoint(growth.edge.size, growth.root)
    await work.journal.keep_checkpoint(growth.edge.size, growth.root, note)
    for index, pending in enumerate(queued, growth.first):
        if pending.then:
            work.unit.announce(pending.then.model_copy(update={"log_index": index}))
    return _with_proofs(taken, growth, growth.first + len(queued), work, note.decode())


def _with_proofs(
    taken: Answers, growth: Growth, index: int, work: EvidenceWork, note: str
) -> list[Receipt | HallmarkError]:
    answers: list[Receipt | HallmarkError] = []
    for answer, entry in taken:
        if entry and isinstance(answer, Receipt):
            proof = proof_in(growth, index, work, note)
            answers.append(answer.model_copy(update={"log_index": index, "inclusion": proof}))
            index += 1
        else:
            answers.append(answer)
    return answers


async def _write_and_queue(turns: Sequence[Turn], work: EvidenceWork) -> list[Receipt | HallmarkError]:
    taken = await take_in(turns, work)
    await work.journal.queue([entry for _, entry in taken if entry])
    return [answer for answer, _ in taken]
