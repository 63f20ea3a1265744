"""The relay: publishes what was committed, in order, and is the only one that publishes.

- Woken by the commit: by this process, or by another instance over NATS. It polls only in case a wake was lost.
- One instance at a time publishes for a service, under a lease. Should two overlap, the message id makes the stream
  drop the copy, and the inbox of every consumer would too.
- Rows are marked as sent only on the stream's acknowledgement. A publish that timed out is unknown, not failed: it is
  repeated under the same id.
- Many consecutive rows for one stream go as one atomic batch: all stored, or none. A few go one by one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from prometheus_client import Counter, Gauge

from contracts.streams import stream_of
from shared.clock import Clock
from shared.errors import Transient
from shared.logs import log
from shared.messaging import outbox
from shared.messaging.outbox import Outgoing
from shared.messaging.publishing import publish_batch, publish_one
from shared.messaging.waking import heard_wakes, wake
from shared.mongo import Database, Document, Lease

BATCH = 100
WORTH_A_BATCH = 12
"""From so many rows on. A batch costs the server what about ten synced publishes cost, however small it is: 3.3 ms for
two rows that take 0.7 ms one by one, 4.0 ms for 30 that take 10.6 ms."""
_LATELY_SECONDS = 10.0
"""So long a published row is passed over: its mark can be made and not yet be seen by a read that wants a majority."""
_POLL_SECONDS = 1.0
_AFTER_TROUBLE_SECONDS = 0.5

PUBLISHED = Counter("hallmark_relay_published_total", "Messages the relay published", ["stream"])
WAITING = Gauge("hallmark_outbox_waiting", "Committed messages that are not published yet, as last seen")


class Relay:
    """Publishes one service's outbox."""

    def __init__(
        self, database: Database, connection: Callable[[], Client], *, service: str, owner: str, clock: Clock
    ) -> None:
        self._database = database
        self._rows = database.collection(outbox.COLLECTION)
        self._marks = database.hasty_collection(outbox.COLLECTION)
        self._connection = connection
        self._service = service
        self._clock = clock
        self._lease = Lease(database, "relay", owner)
        self._lately: dict[str, float] = {}
        """When this instance published what, as long as that was lately."""
        self._woken = asyncio.Event()
        self.idle = asyncio.Event()
        """Set while nothing is known to wait: for a graceful stop, and for tests."""

    async def wake(self) -> None:
        """Something was committed."""
        self._wakened()
        if not self._lease.token:
            await wake(self._connection(), self._service)

    def _wakened(self) -> None:
        self.idle.clear()
        self._woken.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        async with heard_wakes(self._connection(), self._service, self._wakened):
            await self._keep_publishing()

    async def _keep_publishing(self) -> None:
        while True:
            try:
                if await self._lease.hold():
                    await self._drain()
                else:
                    # The holder was woken too; without this, one wake would keep this instance asking for ever.
                    self._woken.clear()
                    self.idle.set()
            except (Transient, NatsError, JetStreamError, OSError, TimeoutError) as error:
                log.warning("relay waits", problem=str(error) or type(error).__name__)
                await asyncio.sleep(_AFTER_TROUBLE_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._woken.wait()

    def forget(self) -> None:
        """Pass over nothing: rows that were published lately are to be published again."""
        self._lately.clear()

    @property
    def leads(self) -> bool:
        """Whether this instance is the one that publishes, as far as it knows."""
        return bool(self._lease.token)

    async def stop(self) -> None:
        """Hand the duty over."""
        await self._lease.release()

    async def _drain(self) -> None:
        while await self._lease.hold():
            self._woken.clear()
            rows = await self._waiting()
            WAITING.set(len(rows))
            if not rows:
                self.idle.set()
                return
            await self._publish([outbox.from_document(row) for row in rows])
            if len(rows) < BATCH and not self._woken.is_set():
                self.idle.set()  # Whatever was committed since would have woken us.
                return

    async def _waiting(self) -> list[Document]:
        self._lately = {key: at for key, at in self._lately.items() if time.monotonic() - at < _LATELY_SECONDS}
        limit = BATCH + len(self._lately)
        found = await self._rows.find({"sent": False}, sort=(("order", 1), ("place", 1)), limit=limit)
        return [row for row in found if row["_id"] not in self._lately][:BATCH]

    async def _publish(self, rows: list[Outgoing]) -> None:
        jetstream = self._connection().jetstream()
        stored: list[Outgoing] = []
        try:
            for stream, group in groupby(rows, key=lambda row: stream_of(row.subject)):
                batch = list(group)
                if (
                    len(batch) >= WORTH_A_BATCH
                    and stream.allow_atomic
                    and await publish_batch(self._connection(), batch)
                ):
                    stored += batch
                    continue
                for row in batch:
                    await publish_one(jetstream, stream, row)
                    stored.append(row)
        finally:
            await self._mark(stored)

    async def _mark(self, rows: list[Outgoing]) -> None:
        # Once for all, so that none waits for the marks of those before it. A lost mark costs a repeated publish that
        # the message id makes harmless: it need not wait for the disk.
        if rows:
            ids = [row.message_id for row in rows]
            self._lately |= dict.fromkeys(ids, time.monotonic())
            await self._marks.update({"_id": {"$in": ids}}, outbox.sent_change(self._clock()))
        for row in rows:
            PUBLISHED.labels(stream_of(row.subject).name).inc()
