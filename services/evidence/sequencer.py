"""The sequencer: puts submissions on record and grows the log, one transaction for all that waits.

- Of all instances, the one that holds the log's lease gives out indexes. Its claim on the tree is checked inside the
  transaction that writes, so two that both think they hold the lease cannot fork the log.
- It takes what other handlers and other instances have queued first, then facts that the log keeps, handled in this
  very transaction, then what its own submitters wait for, who get place and proof with their receipt.
- Other instances put submissions on record too and queue the entries; their receipts say that the place is to come.
- A batch is tried in the hope that nothing in it was handed in before; only when that fails, what was is looked up.
- Whoever queues entries without holding the lease wakes the holder over NATS. A lost wake costs a second.
- A crash before the commit leaves everything as it was; one after it leaves nothing to do.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import suppress

from contracts.evidence.v1.commands import Receipt
from contracts.evidence.v1.views import Checkpoint
from services.evidence.domain.signing_keys import Succession
from services.evidence.handlers import FACTS
from services.evidence.handlers.intake import INTAKE, take_in
from services.evidence.handlers.states import checkpoint_view, proof_in
from services.evidence.storage.checkpoints import Kept, give_out
from services.evidence.storage.journal import Claim, Growth, Pending, claim_tree
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.errors import Busy, HallmarkError, Transient
from shared.logs import log
from shared.messaging.dispatcher import Turn
from shared.messaging.grouping import Group, Joined, Outcome
from shared.messaging.handlers import Handle
from shared.messaging.outbox import unpublished_for
from shared.messaging.unit_of_work import UnitOfWork
from shared.messaging.waking import heard_wakes, wake
from shared.mongo import DuplicateKeyError, Lease
from shared.mongo.lease import LeaseLostError
from shared.service import Running

BATCH = 256
BATCH_BYTES = 8 * 2**20
"""Envelopes in one transaction, at most, unless a single one is larger."""
MOST_BEHIND_SECONDS = 30.0
_FACTS_AT_ONCE = 64
"""Each is a handler's several questions: one transaction must end in a fraction of a second."""
_MEASURE_SECONDS = 1.0
_LOOK_SECONDS = 1.0
"""Entries queued by other instances are found this late should their wake be lost; this one's own are found at once."""

Answers = Sequence[tuple[Receipt | HallmarkError, Pending | None]]


async def sequence(run: Running[EvidenceWork]) -> None:
    """Put on record and log whatever waits, for ever."""
    writer = Writer(run)
    try:
        async with heard_wakes(run.connection[0], run.service.name, writer.woken):
            while True:
                run.dispatcher.committed.clear()
                if not await writer.write():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await run.dispatcher.committed.wait()
    finally:
        await writer.lease.release()


class Writer:
    """One instance's hand on the record and, while it holds the lease, on the log."""

    def __init__(self, run: Running[EvidenceWork]) -> None:
        self._run = run
        self._intake: Group = run.dispatcher.groups[INTAKE]
        self._facts: Group = run.dispatcher.groups[FACTS]
        self._queue = run.database.collection("log_queue")
        self.lease = Lease(run.database, "log", run.settings.instance)
        self._claim: Claim | None = None
        self._keys: Succession | None = None
        """The log's keys, as long as nobody else and no entry about a handover can have changed them."""
        self._looked_at = -math.inf
        self._measured_at = 0.0
        self._commits_seen = -1
        self._commits_told = 0

    def woken(self) -> None:
        """Another instance has committed something."""
        self._looked_at = -math.inf
        self._run.dispatcher.committed.set()

    async def write(self) -> bool:
        """Commit the next batch; False when nothing waits."""
        claim = await self._claimed()
        await self._hold_back()
        facts, submissions = self._facts.take(_FACTS_AT_ONCE), _next_batch(self._intake)
        batch = [*facts, *submissions]
        look = claim is not None and self._should_look()
        if not batch and not (look and await self._queue.find_one({})):
            await self._wake_holder(claim, queued=False)
            return False
        try:
            await self._commit(batch, claim, look=look)
        except LeaseLostError:
            self._facts.put_back([one for one in facts if not one.outcome.done()])
            self._intake.put_back([one for one in submissions if not one.outcome.done()])
            self._claim = None
        await self._wake_holder(claim, queued=bool(batch))
        return True

    async def _wake_holder(self, claim: Claim | None, *, queued: bool) -> None:
        """Have the lease's holder look at the queue when this instance may have put something there."""
        commits = self._run.dispatcher.commits
        if claim is None and (queued or commits != self._commits_told):
            await wake(self._run.connection[0], self._run.service.name)
        self._commits_told = commits

    async def _hold_back(self) -> None:
        """Take in no more while what was taken in cannot be told: without streams, no disk may fill."""
        now = time.monotonic()
        if now - self._measured_at < _MEASURE_SECONDS:
            return
        self._measured_at = now
        behind = await unpublished_for(self._run.database, self._run.clock())
        self._intake.refusing = (
            Busy("outbox_behind", f"What was taken in {behind:.0f} s ago is not published yet.", retry_after=5.0)
            if behind > MOST_BEHIND_SECONDS
            else None
        )

    async def _claimed(self) -> Claim | None:
        if not await self.lease.hold():
            self._claim = None
        elif self._claim is None or self._claim.token != self.lease.token:
            self._keys = None
            with suppress(LeaseLostError):
                self._claim = await claim_tree(self._run.database, self.lease.token)
        return self._claim

    def _should_look(self) -> bool:
        """Whether entries may have been queued since the last look: by this process, or by others in a while."""
        now, commits = time.monotonic(), self._run.dispatcher.commits
        if commits == self._commits_seen and now - self._looked_at < _LOOK_SECONDS:
            return False
        self._commits_seen, self._looked_at = commits, now
        return True

    async def _commit(self, batch: list[Joined], claim: Claim | None, *, look: bool) -> None:
        """Commit and settle a batch. What spoils it is looked for one by one, so that it spoils only itself."""
        try:
            for joined, outcome in await self._perform(batch, claim, look=look):
                joined.settle(outcome)
        except LeaseLostError:
            raise
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, Transient):
                log.warning("a batch is committed one by one", size=len(batch), exc_info=error)
                for joined in batch:
                    await self._commit([joined], await self._claimed(), look=False)
                return
            for joined in batch:
                joined.settle(error)
            if not batch:
                raise

    async def _perform(self, batch: list[Joined], claim: Claim | None, *, look: bool) -> list[tuple[Joined, Outcome]]:
        try:
            return await self._attempt(batch, claim, look=look, hopeful=True)
        except DuplicateKeyError:
            return await self._attempt(batch, claim, look=look, hopeful=False)

    async def _attempt(
        self, batch: list[Joined], claim: Claim | None, *, look: bool, hopeful: bool
    ) -> list[tuple[Joined, Outcome]]:
        grown: list[Growth] = []
        signed: list[tuple[Kept, Succession]] = []

        async def work(turns: Sequence[Turn], work: EvidenceWork) -> list[HallmarkError | Receipt | None]:
            grown.clear()  # What an attempt that is repeated has grown, has not grown.
            signed.clear()
            taken_out = await work.journal.take_queued(BATCH) if claim and look else []
            if len(taken_out) == BATCH:
                self._looked_at = -math.inf  # There may be more: look again at once.
            queued = [(work.unit, one) for one in taken_out]
            entered = [one for turn in turns if self._is_fact(turn) for one in await self._handled(turn)]
            taken = await take_in([turn for turn in turns if not self._is_fact(turn)], work, hopeful=hopeful)
            placed = [*queued, *entered]
            said: list[HallmarkError | Receipt] = [answer for answer, _ in taken]
            entries = [*(one for _, one in placed), *(entry for _, entry in taken if entry)]
            if claim is None:
                await work.journal.queue(entries)
            elif entries:
                grown.append(growth := await work.journal.append(entries, claim))
                known = None if any(pending.hands_over for _, pending in placed) else self._keys
                kept, keys = await work.checkpoints.sign(growth.edge.size, growth.root, known)
                signed.append((kept, keys))
                _announce(placed, growth)
                view = checkpoint_view(kept, keys, work)
                said = _with_proofs(taken, growth, growth.first + len(placed), view)
            answers = iter(said)
            return [None if self._is_fact(turn) else next(answers) for turn in turns]

        outcomes = await self._run.dispatcher.perform_together(batch, work, hopeful=hopeful)
        if claim and grown:
            kept, keys = signed[0]
            self._claim, self._keys = Claim(claim.token, grown[0].edge), None if keys.coming else keys
            if batch:
                await give_out(self._run.dispatcher.equipment, kept)
        return outcomes

    def _is_fact(self, turn: Turn) -> bool:
        return self._handler_of(turn) is not None

    def _handler_of(self, turn: Turn) -> Handle | None:
        return self._run.service.handlers.heard[type(turn.joined.message)].handle

    async def _handled(self, turn: Turn) -> list[tuple[UnitOfWork, Pending]]:
        """Handle a fact; the entries that it makes, each with who says what follows from its place."""
        work = EvidenceWork(turn.unit)
        entered: list[Pending] = []
        work.journal.entered = entered
        handle = self._handler_of(turn)
        if handle is None:
            raise TypeError(f"{type(turn.joined.message).__name__} has no handler")
        await handle(turn.joined.message, work)
        return [(turn.unit, pending) for pending in entered]


def _announce(entries: Sequence[tuple[UnitOfWork, Pending]], growth: Growth) -> None:
    for index, (unit, pending) in enumerate(entries, growth.first):
        if pending.then:
            unit.announce(pending.then.model_copy(update={"log_index": index}))


def _next_batch(intake: Group) -> list[Joined]:
    batch = intake.take(BATCH)
    size = 0
    for place, joined in enumerate(batch):
        size += len(joined.prepared.data)
        if size > BATCH_BYTES and place:
            intake.put_back(batch[place:])
            return batch[:place]
    return batch


def _with_proofs(taken: Answers, growth: Growth, index: int, checkpoint: Checkpoint) -> list[Receipt | HallmarkError]:
    answers: list[Receipt | HallmarkError] = []
    for answer, entry in taken:
        if entry and isinstance(answer, Receipt):
            proof = proof_in(growth, index, checkpoint)
            answers.append(answer.model_copy(update={"log_index": index, "inclusion": proof}))
            index += 1
        else:
            answers.append(answer)
    return answers
