"""From the stream of facts to deliveries: one gateway at a time, under a lease.

- Deliveries and the cursor behind the facts they come of are one transaction, fenced by the lease. A gateway that dies
  at any point leaves the cursor before whatever it did not turn into deliveries.
- A delivery's id comes of the webhook and the fact: one that is read twice makes no second delivery.
- While no webhook wants anything, nothing is read. A webhook that is made later wants what comes later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from nats.aio.client import Client
from nats.errors import Error as NatsError
from prometheus_client import Gauge

from contracts.streams import EVT
from services.gateway.facts import HEARTBEAT, Facts, GapError, end_of_facts
from services.gateway.storage.deliveries import Cursor, DeliveryRepository
from services.gateway.storage.webhooks import WebhookRepository
from services.gateway.webhooks.delivery import Delivery
from services.gateway.webhooks.webhook import HeardFact, delivery_id, heard, wants
from shared.clock import Clock
from shared.errors import Transient
from shared.logs import log
from shared.mongo import Database, Lease, LeaseLostError, Session, in_transaction

BATCH = 200
_UNSAVED = 1000
"""Facts that nobody wanted may be read again by whoever takes over: that many at most."""
_LOOKS_EVERY = 1.0
_GATHERS_FOR = 0.02

BEHIND = Gauge("hallmark_webhook_facts_behind", "Facts that are not looked at for webhooks yet, as last seen")


class Collector:
    """Turns facts into deliveries."""

    def __init__(self, database: Database, connection: Client, owner: str, clock: Clock, woken: asyncio.Event) -> None:
        self._database = database
        self._connection = connection
        self._clock = clock
        self._woken = woken
        """Set when there is something to send."""
        self._lease = Lease(database, "webhooks", owner)

    async def run(self) -> None:
        """Read until cancelled."""
        try:
            while True:
                # Whatever happened, the cursor says where to go on.
                with suppress(LeaseLostError, GapError):
                    if await self._lease.hold():
                        await self._read()
                await asyncio.sleep(_LOOKS_EVERY)
        finally:
            with suppress(Transient):
                await self._lease.release()

    async def _read(self) -> None:
        start = await self._start()
        if start is None:
            return
        facts = await Facts.begin(self._connection, "webhooks", [EVT.subjects[0]], start.sequence + 1)
        try:
            await self._follow(facts, start)
        except NatsError as error:
            log.warning("webhooks wait for NATS", problem=str(error) or type(error).__name__)
        finally:
            await facts.close()

    async def _start(self) -> Cursor | None:
        """Behind which fact to begin; None while nobody wants any."""
        end = await end_of_facts(self._connection)
        wanted = await WebhookRepository(self._database).begin_after(end.stream)
        if wanted is None:
            return None
        known = await DeliveryRepository(self._database).cursor()
        seen = known.sequence if known and known.stream == end.stream else 0
        return Cursor(end.stream, max(seen, wanted))

    async def _follow(self, facts: Facts, start: Cursor) -> None:
        loop = asyncio.get_running_loop()
        last_heard = loop.time()
        saved = cursor = start
        while await self._lease.hold() and loop.time() - last_heard < 3 * HEARTBEAT:
            was_heard, batch = await self._gather(facts, cursor.stream)
            if was_heard:
                last_heard = loop.time()
            if batch:
                cursor = Cursor(cursor.stream, batch[-1].sequence)
                deliveries = await self._deliveries(batch)
                if deliveries or cursor.sequence - saved.sequence >= _UNSAVED:
                    await self._keep(deliveries, cursor)
                    saved = cursor

    async def _gather(self, facts: Facts, stream: str) -> tuple[bool, list[HeardFact]]:
        batch: list[HeardFact] = []
        was_heard, message = await facts.next(_LOOKS_EVERY)
        while message is not None:
            place = message.metadata
            batch.append(
                heard(stream, place.sequence.stream, message.subject, dict(message.headers or {}), message.data)
            )
            BEHIND.set(place.num_pending)
            if len(batch) == BATCH:
                break
            _, message = await facts.next(_GATHERS_FOR)
        return was_heard, batch

    async def _deliveries(self, batch: Iterable[HeardFact]) -> list[Delivery]:
        """What the webhooks of this moment want; read after the facts were, so that none made before them is missed."""
        facts = list(batch)
        webhooks = await WebhookRepository(self._database).listening(sorted({fact.project for fact in facts}))
        now = self._clock()
        return [
            Delivery(
                delivery_id=delivery_id(webhook.webhook_id, fact.event_id),
                webhook_id=webhook.webhook_id,
                project=fact.project,
                application=fact.application,
                kind=fact.kind,
                headers=fact.headers,
                body=fact.body,
                created_at=now,
                next_at=now,
                sequence=fact.sequence,
            )
            for fact in facts
            for webhook in webhooks
            if wants(webhook, fact)
        ]

    async def _keep(self, deliveries: list[Delivery], cursor: Cursor) -> None:
        async def work(session: Session) -> None:
            await self._lease.fence(session)
            repository = DeliveryRepository(session)
            await repository.add(deliveries)
            await repository.move_cursor(cursor)

        await in_transaction(self._database, work)
        if deliveries:
            self._woken.set()
