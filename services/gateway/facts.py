"""Reading the stream of facts from some place on, by a short-lived consumer of NATS.

- NATS holds back what a slow reader cannot take, and says at intervals that it is there.
- A gap in what it delivers, or its silence, ends the reading: whoever reads begins again behind the last fact it kept.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple
from uuid import uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import Error as JetStreamError

from contracts.streams import EVT
from shared.errors import Transient

HEARTBEAT = 5.0
_FORGOTTEN_AFTER = 30.0


class Place(NamedTuple):
    """The end of the stream, as it is now."""

    stream: str
    """When the stream was made: one that was made anew counts its facts anew."""
    sequence: int


class GapError(Exception):
    """NATS left something out."""


class Facts:
    """One reader's consumer."""

    def __init__(self, connection: Client, name: str, subscription: Subscription) -> None:
        self._connection = connection
        self._name = name
        self._subscription = subscription
        self._delivered = 0

    @classmethod
    async def begin(cls, connection: Client, prefix: str, subjects: list[str], start: int | None) -> Facts:
        """Have NATS deliver facts on `subjects`, from `start` on or what is new. Raises `Transient` when it cannot."""
        name = f"{prefix}-{uuid4().hex}"
        inbox = connection.new_inbox()
        config = ConsumerConfig(
            name=name,
            deliver_subject=inbox,
            filter_subjects=subjects,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE if start else DeliverPolicy.NEW,
            opt_start_seq=start,
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            flow_control=True,
            idle_heartbeat=HEARTBEAT,
            inactive_threshold=_FORGOTTEN_AFTER,
            mem_storage=True,
            num_replicas=1,
        )
        try:
            subscription = await connection.subscribe(inbox)
            await connection.jetstream().add_consumer(EVT.name, config)
        except (NatsError, JetStreamError, TimeoutError, OSError) as error:
            raise Transient("stream_unavailable", f"NATS gives no live stream ({type(error).__name__}).") from error
        return cls(connection, name, subscription)

    async def next(self, seconds: float) -> tuple[bool, Msg | None]:
        """Whether NATS was heard within that time, and the fact it said. Raises `GapError`, or nats-py's errors."""
        try:
            message = await self._subscription.next_msg(timeout=seconds)
        except TimeoutError:
            return False, None
        if await self._is_control(message):
            return True, None
        self._delivered += 1
        if message.metadata.sequence.consumer != self._delivered:
            raise GapError
        return True, message

    async def _is_control(self, message: Msg) -> bool:
        """Whether NATS only says that it is there, or asks whether we keep up; then it is answered."""
        headers = message.headers or {}
        if "Status" not in headers:
            return False
        asked = message.reply or headers.get("Nats-Consumer-Stalled")
        if asked:
            await self._connection.publish(asked)
        return True

    async def close(self) -> None:
        """Have NATS forget the consumer; it does so by itself after a while."""
        with suppress(NatsError, JetStreamError, TimeoutError, OSError):
            await self._subscription.unsubscribe()
            await self._connection.jetstream().delete_consumer(EVT.name, self._name)


async def end_of_facts(connection: Client) -> Place:
    """Where the stream ends now. Raises `Transient` when NATS does not say."""
    try:
        found = await connection.jetstream().stream_info(EVT.name)
    except (NatsError, JetStreamError, TimeoutError, OSError) as error:
        raise Transient("stream_unavailable", f"NATS says nothing of the stream ({type(error).__name__}).") from error
    return Place(found.created.isoformat() if found.created else "", found.state.last_seq)
