"""The live event stream: facts as they happen, as server-sent events.

- Each reader has a short-lived consumer of its own on the stream of facts; NATS holds back what a slow one cannot take.
- A gap in what NATS delivers ends the stream: the reader comes back with `Last-Event-ID` and misses nothing.
- A reader whose token was revoked or has expired is sent away at the next keepalive.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from contracts.headers import CE_TYPE
from contracts.vocabulary import ApplicationName, ProjectName
from services.gateway.auth import Here, Secret, SignedIn, caller_behind
from services.gateway.events import KEEPALIVE, StreamFormat, frame, is_of, kind_of, notice, sequence_after, subjects_for
from services.gateway.facts import HEARTBEAT, Facts, GapError
from services.gateway.links import with_page
from services.gateway.openapi import answered_as
from services.gateway.parts import Gateway
from shared.errors import Forbidden, Transient, Unauthenticated
from shared.identity import Caller

router = APIRouter(tags=["stream"])
_MEDIA_TYPE = "text/event-stream"
_KEEPALIVE_SECONDS = 15.0
_LOOKS_EVERY = 0.5
"""Seconds between looks at whether the process stops."""


@router.get("/stream", operation_id="ReadStream", response_class=StreamingResponse, responses=answered_as(_MEDIA_TYPE))
async def read_stream(
    *,
    here: Here,
    asking: SignedIn,
    secret: Secret,
    project: Annotated[ProjectName | None, Query()] = None,
    application: Annotated[ApplicationName | None, Query()] = None,
    form: Annotated[StreamFormat, Query(alias="format")] = StreamFormat.HALLMARK,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> StreamingResponse:
    """Follow what happens in the projects the caller may see, from now on or from after `Last-Event-ID`.

    With `format=cdevents` in the words of CDEvents, as far as they have some.
    """

    async def still_valid() -> None:
        await caller_behind(here, secret)

    return await stream_to(
        here,
        asking.caller,
        still_valid,
        project=project,
        application=application,
        form=form,
        last_event_id=last_event_id,
    )


async def stream_to(
    here: Gateway,
    caller: Caller,
    still_valid: Callable[[], Awaitable[None]],
    *,
    project: ProjectName | None,
    application: ApplicationName | None,
    form: StreamFormat,
    last_event_id: str | None,
    brief: bool = False,
) -> StreamingResponse:
    """A stream of facts, or of `brief` notices that there are some; it ends when `still_valid` raises.

    Raises `Forbidden`, `Invalid`, or `Transient` when too many are open.
    """
    subjects = subjects_for(caller, project, application, form)
    start = sequence_after(last_event_id)
    if here.streams >= here.settings.max_streams:
        raise Transient("stream_limit_reached", "Too many live streams are open.", remedy="Try again later.")
    facts = await Facts.begin(here.connection, "live", subjects, start)
    return StreamingResponse(
        Reading(here, facts, form, brief=brief).events(still_valid),
        media_type=_MEDIA_TYPE,
        headers={"X-Accel-Buffering": "no", "Cache-Control": "no-cache"},
    )


class Reading:
    """One reader's stream."""

    def __init__(self, gateway: Gateway, facts: Facts, form: StreamFormat, *, brief: bool = False) -> None:
        self._gateway = gateway
        self._facts = facts
        self._form = form
        self._brief = brief

    async def events(self, still_valid: Callable[[], Awaitable[None]]) -> AsyncIterator[bytes]:
        """Frames until the process stops, `still_valid` raises, or NATS leaves a gap."""
        gateway = self._gateway
        gateway.streams += 1
        loop = asyncio.get_running_loop()
        silent_since = heard = loop.time()
        try:
            yield KEEPALIVE  # The reader learns at once that it is connected.
            while not gateway.stopping.is_set() and loop.time() - heard < 3 * HEARTBEAT:
                was_heard, message = await self._facts.next(_LOOKS_EVERY)
                heard = loop.time() if was_heard else heard
                if message is not None and is_of(self._form, message.subject):
                    yield self._written(message)
                    silent_since = heard
                if loop.time() - silent_since > _KEEPALIVE_SECONDS:
                    silent_since = loop.time()
                    yield KEEPALIVE
                    await still_valid()
        except (Unauthenticated, Forbidden, Transient, NatsError, GapError):
            return
        finally:
            gateway.streams -= 1
            # A reader that hung up has cancelled this very task: what is left to do needs another one.
            closing = asyncio.create_task(self._facts.close())
            gateway.closing.add(closing)
            closing.add_done_callback(gateway.closing.discard)

    def _written(self, message: Msg) -> bytes:
        sequence = message.metadata.sequence.stream
        if self._brief:
            return notice(message.subject, sequence)
        if self._form is StreamFormat.CDEVENTS:
            return frame(message.subject, sequence, message.data, (message.headers or {}).get(CE_TYPE, ""))
        said = with_page(self._gateway.settings.public_url, kind_of(message.subject), message.data)
        return frame(message.subject, sequence, said)
