"""How the streams stand, and what still waits in them for each service: what NATS says, as plain values.

A durable consumer is named `<service>-<what it hears>`, so that its name says whose work waits.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import ConsumerInfo, StreamInfo
from nats.js.errors import Error as JetStreamError

from contracts.streams import STREAMS, Stream
from shared.errors import Transient

_PAGE = 256
"""Consumers that NATS lists at a time."""
_PAGES = 4


@dataclass(frozen=True)
class ConsumerStanding:
    """One durable consumer."""

    name: str
    stream: str
    waiting: int
    """Messages that it has not been given yet."""
    at_work: int
    """Messages that were given out and are not acknowledged yet."""
    again: int
    """Messages among those at work that were given out more than once."""
    readers: int
    """Requests for more that wait: none with nothing waiting means that nobody reads."""


@dataclass(frozen=True)
class StreamStanding:
    """One stream."""

    name: str
    messages: int
    size: int
    """Bytes."""
    room: int
    """Bytes it may have at most."""
    oldest_may_be: timedelta
    made: datetime | None
    consumers: tuple[ConsumerStanding, ...]


async def standings(connection: Client) -> tuple[StreamStanding, ...]:
    """Every stream with its durable consumers. Raises `Transient` when NATS does not say."""
    try:
        return tuple(await asyncio.gather(*(_of_stream(connection, stream) for stream in STREAMS)))
    except (NatsError, JetStreamError, TimeoutError, OSError) as error:
        raise Transient("stream_unavailable", f"NATS says nothing of its streams ({type(error).__name__}).") from error


async def _of_stream(connection: Client, stream: Stream) -> StreamStanding:
    manager = connection.jetstream()
    found: StreamInfo = await manager.stream_info(stream.name)
    listed: list[ConsumerInfo] = []
    for page in range(_PAGES):
        more = await manager.consumers_info(stream.name, offset=page * _PAGE)
        listed += more
        if len(more) < _PAGE:
            break
    return StreamStanding(
        name=stream.name,
        messages=found.state.messages,
        size=found.state.bytes,
        room=stream.max_bytes,
        oldest_may_be=timedelta(days=stream.max_age_days),
        made=found.created,
        consumers=tuple(_of_consumer(one) for one in listed if one.config and one.config.durable_name),
    )


def _of_consumer(found: ConsumerInfo) -> ConsumerStanding:
    return ConsumerStanding(
        name=found.name,
        stream=found.stream_name,
        waiting=found.num_pending or 0,
        at_work=found.num_ack_pending or 0,
        again=found.num_redelivered or 0,
        readers=found.num_waiting or 0,
    )
