"""What the streams have lost is told again, from the outbox rows that are kept for it; a lost database is noticed.

- A stream is looked at every few seconds: when it was made, its last sequence, how much of it is missing. Nothing but a
  lost, an older or a damaged store changes these backwards.
- Then its facts of this service are compared with the rows, by id and digest. What is missing or differs goes to the
  relay again, in its old order and under its old id. Whoever had it before knows it by its id.
- At start, and when NATS was away, it is also asked whether the newest fact that was published is still the newest: the
  end of a stream may be lost before anybody has seen how far it went.
- Of work queues nothing can be compared, since what is handled is gone: their rows are told again, all of them.
- The other way round, a newest fact that the outbox never held means that the database was restored from an older copy.
  Going on would tell other things under the same ids, so the service does not start.
- Rows are kept for 30 days after they were sent (`outbox.KEPT_AFTER_SENT`): what is older cannot be told again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError
from prometheus_client import Counter

from contracts.headers import NATS_MESSAGE_ID
from contracts.streams import DEAD, EVT, TELL, Stream, stream_of
from shared.clock import Clock
from shared.errors import Conflict, Transient
from shared.logs import log
from shared.messaging import outbox
from shared.messaging.relay import BATCH, Relay
from shared.mongo import Database, Document

COLLECTION = "streams"
EVERY_SECONDS = 10.0
_PAGE = 500
_LOOKS = 3
_YOUNG = outbox.KEPT_AFTER_SENT - timedelta(days=1)
"""Facts younger than this have a row in the outbox."""
RETOLD = Counter("hallmark_outbox_retold_total", "Messages told again since a stream had lost them", ["stream"])


class Reconciler:
    """Compares what one service has said with what the streams hold."""

    def __init__(
        self, database: Database, connection: Callable[[], Client], relay: Relay, *, service: str, clock: Clock
    ) -> None:
        self._known = database.collection(COLLECTION)
        self._rows = database.collection(outbox.COLLECTION)
        self._connection = connection
        self._relay = relay
        self._service = service
        self._clock = clock
        self._seen_connections = -1

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            with suppress(NatsError, JetStreamError, OSError, Transient, TimeoutError):
                if self._relay.leads:  # One instance at a time: they would share what they read.
                    await self.look()
                    await self._look_at_the_end()
            await asyncio.sleep(EVERY_SECONDS)

    async def refuse_older_database(self) -> None:
        """Raises `Conflict` when the newest fact of this service on the stream was never in its outbox.

        Raises `Transient` when it could not be read, as when another instance that starts reads it at this moment.
        """
        try:
            newest = [(message_id, age) async for message_id, _, age in self._facts(DeliverPolicy.LAST)]
        except JetStreamError as error:
            raise Transient(
                "newest_fact_unread", f"{EVT.name} did not give its newest fact of {self._service}."
            ) from error
        for message_id, age in newest:
            if age < _YOUNG and await self._rows.get(message_id) is None:
                raise Conflict(
                    "database_rolled_back",
                    f"{EVT.name} holds a fact of {self._service}, {message_id}, that its database does not know.",
                    remedy="Restore a newer copy of the database, or the streams that belong to this one.",
                )

    async def look(self) -> int:
        """Have the relay tell again whatever was lost since the last look; how many messages that are."""
        found = 0
        for stream in (EVT, TELL, DEAD):
            with suppress(NotFoundError):  # The provisioner makes it again; then it is another one.
                info = await self._connection().jetstream().stream_info(stream.name)
                before, now = await self._known.get(stream.name), _standing(stream, info)
                if before and _has_lost(before, now):
                    found += await self._tell_again(stream)
                if now != before:
                    await self._known.put(now)
        return found

    async def _look_at_the_end(self) -> None:
        connections = self._connection().stats["reconnects"]
        if connections != self._seen_connections and await self._end_is_lost():
            await self._tell_again(EVT)
        self._seen_connections = connections

    async def _end_is_lost(self) -> bool:
        for _ in range(_LOOKS):  # While others publish, two answers may not be of one moment.
            last = [message_id async for message_id, _, _ in self._facts(DeliverPolicy.LAST)]
            rows = await self._rows.find({"sent": True}, sort=(("expires_at", -1),), limit=2 * BATCH, only={"body": 0})
            facts = [row for row in rows if stream_of(row["subject"]) is EVT]
            if not facts:
                return False
            newest = max(facts, key=lambda row: (row["sent_at"], row["order"], row["place"]))
            if last and (last[0] == newest["_id"] or await self._rows.find_one({"_id": last[0], "sent": False})):
                return False
        return True

    async def _tell_again(self, stream: Stream) -> int:
        log.error("ALARM: a stream has lost messages, which are told again", stream=stream.name)
        held = {one: digest async for one, digest, _ in self._facts(DeliverPolicy.ALL)} if stream is EVT else {}
        found = 0
        async for row in self._rows.stream({"sent": True}, sort=(("_id", 1),)):
            if stream_of(row["subject"]) is stream and held.get(row["_id"]) != _digest(bytes(row["body"])):
                found += await self._rows.update({"_id": row["_id"]}, outbox.UNSENT)
        RETOLD.labels(stream.name).inc(found)
        log.warning("messages are told again", stream=stream.name, count=found)
        self._relay.forget()
        await self._relay.wake()
        return found

    async def _facts(self, policy: DeliverPolicy) -> AsyncIterator[tuple[str, str, timedelta]]:
        """Id, digest and age of this service's facts on the stream, in order."""
        own = f"hallmark.evt.{self._service}.>"
        config = ConsumerConfig(
            name=reader_name(self._service, policy),
            filter_subject=own,
            deliver_policy=policy,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=10,
            mem_storage=True,
        )
        jetstream = self._connection().jetstream()
        made = await jetstream.add_consumer(EVT.name, config)
        left = made.num_pending or 0
        reading = await jetstream.pull_subscribe_bind(made.name, EVT.name)
        try:
            while left > 0:
                for message in await reading.fetch(min(left, _PAGE), timeout=5):
                    left -= 1
                    age = self._clock() - message.metadata.timestamp
                    yield (message.headers or {}).get(NATS_MESSAGE_ID, ""), _digest(message.data), age
        except NatsTimeoutError as error:
            log.warning("a stream holds less than it says", stream=EVT.name, missing=left)
            if policy is DeliverPolicy.LAST:  # There is one, and another instance may have got it.
                raise Transient("newest_fact_unread", f"{EVT.name} did not give its newest fact.") from error
        finally:
            await reading.unsubscribe()
            with suppress(NotFoundError):  # The consumers of two instances that start at once are one.
                await jetstream.delete_consumer(EVT.name, made.name)


def reader_name(service: str, policy: DeliverPolicy) -> str:
    """The short-lived consumer with which a service reads its own facts: fixed, so that it may have no other."""
    return f"reconcile-{service}-{policy.value}"


def _standing(stream: Stream, info: StreamInfo) -> Document:
    # Work queues lose messages all the time, and that is their purpose.
    gaps = (info.state.num_deleted or 0) if stream.retention == "limits" else 0
    return {"_id": stream.name, "created": str(info.created), "last": info.state.last_seq, "gaps": gaps}


def _has_lost(before: Document, now: Document) -> bool:
    return bool(now["created"] != before["created"] or now["last"] < before["last"] or now["gaps"] > before["gaps"])


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
