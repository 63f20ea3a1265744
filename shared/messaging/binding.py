"""Subscribes a service's handlers to their subjects.

- Asks: core NATS, one queue group per service, so that instances share the work.
- Everything durable: a pull consumer that the provisioner has made. Services bind, they never declare: FastStream
  would overwrite a stream's settings and ignore a consumer's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.js.api import ConsumerConfig
from pydantic import ValidationError

from contracts.message import Message
from contracts.streams import Stream, stream_of
from shared.clock import Clock
from shared.errors import Invalid, Transient
from shared.messaging.dispatcher import Dispatcher
from shared.messaging.handlers import Handlers, Heard
from shared.messaging.headers import bearer_token, read_meta

W = TypeVar("W")
Dispatch = Callable[[Heard, Message, NatsMessage], Awaitable[dict[str, Any] | None]]
ACK_WAIT_SECONDS = 60
"""Above the slowest handler plus a failover of 11 s; the consumer's own setting, made by the provisioner."""


@dataclass(frozen=True)
class Received:
    """A message as it is handed to its endpoint."""

    message: Message
    raw: NatsMessage


HANDLED_WITHIN_SECONDS = 55.0
"""Then a handler is ended, before its message comes again: it counts as failed, and is buried in the end."""


def bind(
    broker: NatsBroker, service: str, handlers: Handlers[W], dispatch: Dispatch, *, inbox_prefix: str = "_INBOX"
) -> None:
    """Subscribe every handler. Nothing is heard before the broker starts."""
    inbox = f"{inbox_prefix}.".encode()
    for heard in handlers.heard.values():
        subscriber = broker.subscriber(
            heard.subject_for(service),
            decoder=_decoder(heard.message),
            title=heard.title_for(service),
            description=(heard.message.__doc__ or "").strip(),
            **(_ask_options(service, heard) if heard.is_ask else _durable_options(service, heard, inbox)),
        )
        subscriber(_endpoint(heard, dispatch))


def dispatch_with(dispatcher: Dispatcher[W], clock: Clock) -> Dispatch:
    """How a running service carries a message to its handler."""

    async def dispatch(heard: Heard, message: Message, raw: NatsMessage) -> dict[str, Any] | None:
        now = clock()
        meta = read_meta(raw.headers, fallback_id=_fallback_id(raw), now=now)
        # A handler that hangs would keep its place for ever, and its message would be given to others meanwhile.
        limit = asyncio.timeout(HANDLED_WITHIN_SECONDS)
        try:
            async with limit:
                return await dispatcher.dispatch(heard, message, meta, bearer_token(raw.headers))
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise Transient(
                "handler_late", f"{message.subject} was not handled within {HANDLED_WITHIN_SECONDS:.0f} s."
            ) from error

    return dispatch


def _ask_options(service: str, heard: Heard) -> dict[str, Any]:
    return {"queue": service, "max_workers": heard.workers}


def _durable_options(service: str, heard: Heard, inbox: bytes) -> dict[str, Any]:
    return {
        "durable": heard.durable(service),
        "stream": JStream(stream_of(heard.message.subject).name, declare=False),
        # One message per fetch: prefetched ones would use up their ack_wait while they queue.
        "pull_sub": PullSub(batch_size=1, timeout=5),
        "max_workers": heard.workers,
        "ack_policy": AckPolicy.NACK_ON_ERROR,
        "no_reply": True,
        "inbox_prefix": inbox,
        "config": consumer_config(service, heard),
    }


def consumer_config(service: str, heard: Heard) -> ConsumerConfig:
    """The durable consumer of a handler, as the provisioner makes it.

    Redelivery is bounded by `outcomes.Retries`, whose end also writes the dead letter; a bound on the server would
    leave the message in the stream without anybody knowing.
    """
    return ConsumerConfig(
        durable_name=heard.durable(service),
        filter_subject=heard.subject,
        ack_wait=ACK_WAIT_SECONDS,
        max_ack_pending=heard.workers * 4,
        max_deliver=-1,
    )


def durables(service: str, handlers: Handlers[W]) -> list[tuple[Stream, ConsumerConfig]]:
    """Every durable consumer a service needs, with its stream."""
    return [
        (stream_of(heard.message.subject), consumer_config(service, heard))
        for heard in handlers.heard.values()
        if not heard.is_ask
    ]


def _decoder(message: type[Message]) -> Callable[[NatsMessage], Awaitable[Received]]:
    async def decode(raw: NatsMessage) -> Received:
        try:
            return Received(message.model_validate_json(raw.body), raw)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the body"
            raise Invalid(
                "message_malformed",
                f"{where}: {first['msg']}.",
                remedy=f"Send a {message.__name__} as its schema in contracts/schemas says.",
            ) from error

    return decode


def _endpoint(heard: Heard, dispatch: Dispatch) -> Callable[..., Awaitable[Any]]:
    async def endpoint(body: Any) -> Any:
        received: Received = body
        return await dispatch(heard, received.message, received.raw)

    # FastStream reads the annotation, which becomes the AsyncAPI document. What comes is what the decoder returns.
    endpoint.__annotations__ = {"body": heard.message}
    endpoint.__name__ = endpoint.__qualname__ = heard.message.__name__
    return endpoint


def _fallback_id(raw: NatsMessage) -> str:
    if raw.raw_message.reply.startswith("$JS.ACK."):
        place = raw.raw_message.metadata
        return f"{place.stream}.{place.sequence.stream}"
    return raw.correlation_id
