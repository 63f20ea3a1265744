"""The live event stream: facts as they happen, as server-sent events.

- Each reader has a short-lived consumer of its own on the stream of facts; NATS holds back what a slow one cannot take.
- A gap in what NATS delivers ends the stream: the reader comes back with `Last-Event-ID` and misses nothing.
- A reader whose token was revoked or has expired is sent away at the next keepalive.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import Error as JetStreamError

from contracts.streams import EVT
from contracts.vocabulary import ApplicationName, ProjectName
from services.gateway.auth import Here, Secret, SignedIn, caller_behind
from services.gateway.events import KEEPALIVE, frame, sequence_after, subjects_for
from services.gateway.parts import Gateway
from shared.errors import Forbidden, Transient, Unauthenticated

router = APIRouter(tags=["stream"])
_KEEPALIVE_SECONDS = 15.0
_LOOKS_EVERY = 0.5
"""Seconds between looks at whether the process stops."""
_FORGOTTEN_AFTER = 30.0
_HEARTBEAT = 5.0


@router.get("/stream", operation_id="ReadStream", response_class=StreamingResponse)
async def read_stream(
    *,
    here: Here,
    asking: SignedIn,
    secret: Secret,
    project: Annotated[ProjectName | None, Query()] = None,
    application: Annotated[ApplicationName | None, Query()] = None,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> StreamingResponse:
    """Follow what happens in the projects the caller may see, from now on or from after `Last-Event-ID`."""
    subjects = subjects_for(asking.caller, project, application)
    start = sequence_after(last_event_id)
    if here.streams >= here.settings.max_streams:
        raise Transient("stream_limit_reached", "Too many live streams are open.", remedy="Try again later.")
    reading = await Reading.begin(here, subjects, start)
    return StreamingResponse(
        reading.events(secret),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no", "Cache-Control": "no-cache"},
    )


class Reading:
    """One reader's consumer."""

    def __init__(self, gateway: Gateway, name: str, subscription: Subscription) -> None:
        self._gateway = gateway
        self._name = name
        self._subscription = subscription
        self._delivered = 0

    @classmethod
    async def begin(cls, gateway: Gateway, subjects: list[str], start: int | None) -> Reading:
        """Have NATS deliver facts on `subjects`. Raises `Transient` when it cannot."""
        connection = gateway.connection
        name = f"live-{uuid4().hex}"
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
            idle_heartbeat=_HEARTBEAT,
            inactive_threshold=_FORGOTTEN_AFTER,
            mem_storage=True,
            num_replicas=1,
        )
        try:
            subscription = await connection.subscribe(inbox)
            await connection.jetstream().add_consumer(EVT.name, config)
        except (NatsError, JetStreamError, TimeoutError, OSError) as error:
            raise Transient("stream_unavailable", f"NATS gives no live stream ({type(error).__name__}).") from error
        return cls(gateway, name, subscription)

    async def events(self, secret: str) -> AsyncIterator[bytes]:
        """Frames until the process stops, the token ends, or NATS leaves a gap."""
        gateway = self._gateway
        gateway.streams += 1
        loop = asyncio.get_running_loop()
        silent_since = heard = loop.time()
        try:
            yield KEEPALIVE  # The reader learns at once that it is connected.
            while not gateway.stopping.is_set() and loop.time() - heard < 3 * _HEARTBEAT:
                message = await self._next()
                if message is not None:
                    heard = loop.time()
                    if not await self._is_control(message):
                        if not self._is_next(message):
                            return
                        yield frame(message.subject, message.metadata.sequence.stream, message.data)
                        silent_since = heard
                if loop.time() - silent_since > _KEEPALIVE_SECONDS:
                    silent_since = loop.time()
                    yield KEEPALIVE
                    await caller_behind(gateway, secret)
        except (Unauthenticated, Forbidden, Transient, NatsError):
            return
        finally:
            gateway.streams -= 1
            # A reader that hung up has cancelled this very task: what is left to do needs another one.
            closing = asyncio.create_task(self._close())
            gateway.closing.add(closing)
            closing.add_done_callback(gateway.closing.discard)

    async def _next(self) -> Msg | None:
        try:
            return await self._subscription.next_msg(timeout=_LOOKS_EVERY)
        except TimeoutError:
            return None

    async def _is_control(self, message: Msg) -> bool:
        """Whether NATS only says that it is there, or asks whether we keep up; then it is answered."""
        headers = message.headers or {}
        if "Status" not in headers:
            return False
        asked = message.reply or headers.get("Nats-Consumer-Stalled")
        if asked:
            await self._gateway.connection.publish(asked)
        return True

    def _is_next(self, message: Msg) -> bool:
        self._delivered += 1
        return bool(message.metadata.sequence.consumer == self._delivered)

    async def _close(self) -> None:
        with suppress(NatsError, JetStreamError, TimeoutError, OSError):
            await self._subscription.unsubscribe()
            await self._gateway.connection.jetstream().delete_consumer(EVT.name, self._name)
