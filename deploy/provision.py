"""The one owner of streams and durable consumers: makes them as the contracts and handlers say, and mends drift.

Run it before the services start, and again after every upgrade: it changes what differs and deletes nothing.
Raises nats-py's errors when the server refuses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import nats
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from contracts.streams import STREAMS, Stream
from shared.messaging.binding import durables
from shared.service import Service

_SECONDS_PER_DAY = 86_400
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.25


def stream_config(stream: Stream, *, replicas: int = 1) -> StreamConfig:
    """A stream as the server wants it."""
    return StreamConfig(
        name=stream.name,
        subjects=list(stream.subjects),
        retention=RetentionPolicy.WORK_QUEUE if stream.retention == "workqueue" else RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,
        max_age=stream.max_age_days * _SECONDS_PER_DAY,
        max_bytes=stream.max_bytes,
        duplicate_window=stream.duplicate_window_seconds,
        storage=StorageType.FILE,
        num_replicas=replicas,
        allow_direct=True,
        deny_delete=stream.retention == "limits",
        deny_purge=stream.retention == "limits",
        allow_atomic=stream.allow_atomic,
    )


async def provision(jetstream: JetStreamContext, services: Iterable[Service[Any]], *, replicas: int = 1) -> int:
    """Make or mend every stream and consumer; how many objects were looked at."""
    count = 0
    for stream in STREAMS:
        config = stream_config(stream, replicas=replicas)
        try:
            await jetstream.stream_info(stream.name)
            await jetstream.update_stream(config)
        except NotFoundError:
            await jetstream.add_stream(config)
        count += 1
    for service in services:
        for stream, consumer in durables(service.name, service.handlers):
            await jetstream.add_consumer(stream.name, consumer)  # Creates it, or updates what may be updated.
            count += 1
    return count


async def provision_at(
    url: str,
    services: Iterable[Service[Any]],
    *,
    user: str | None = None,
    password: str | None = None,
    replicas: int = 1,
) -> int:
    """As `provision`, over a connection of its own. Servers that are still choosing a leader are waited for."""
    connection = await nats.connect(
        url.split(","), user=user, password=password, inbox_prefix=f"_INBOX_{user}" if user else "_INBOX"
    )
    give_up = time.monotonic() + (_PATIENCE_SECONDS if replicas > 1 else 0)
    try:
        while True:
            try:
                return await provision(connection.jetstream(), services, replicas=replicas)
            except (JetStreamError, NatsError, TimeoutError):
                if time.monotonic() > give_up:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        await connection.close()
