"""Turns what a handler raises into an ack, a later delivery, a dead letter or a reply (the table: `outcomes.py`)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from faststream import BaseMiddleware
from faststream.exceptions import NackMessage, RejectMessage
from faststream.message import SourceType
from faststream.nats import NatsMessage
from prometheus_client import Counter

from shared.errors import Rejection, Transient
from shared.logs import bound_contextvars, log
from shared.messaging.dead_letters import Bury
from shared.messaging.inbox import AlreadyHandledError
from shared.messaging.outcomes import Retries, failed_reply

HANDLED = Counter("hallmark_messages_handled_total", "Messages by what became of them", ["subject", "outcome"])
Next = Callable[[NatsMessage], Awaitable[Any]]


class GaveUpError(Exception):
    """A message was delivered too often without anybody saying what is wrong with it, as when it kills the process."""


def outcome_middleware(bury: Bury, retries: Retries) -> type[BaseMiddleware[Any, Any]]:
    """The middleware of a service that tries again as `retries` says and buries its dead with `bury`."""

    class Outcomes(BaseMiddleware[Any, Any]):
        async def consume_scope(self, call_next: Next, msg: Any) -> Any:
            if msg.source_type is SourceType.RESPONSE:  # The answer to an ask of our own passes through here too.
                return await call_next(msg)
            with bound_contextvars(correlation_id=msg.correlation_id, subject=msg.raw_message.subject):
                if msg.raw_message.reply.startswith("$JS.ACK."):
                    return await _consume(call_next, msg, bury, retries)
                return await _answer(call_next, msg)

    return Outcomes


async def _answer(call_next: Next, msg: NatsMessage) -> bytes:
    try:
        reply: dict[str, Any] = await call_next(msg)
        _count(msg, "accepted")
    except AlreadyHandledError as repeat:
        reply = repeat.reply or {}
        _count(msg, "repeated")
    except Exception as error:  # noqa: BLE001 - whatever happened, the caller gets an answer
        answer = failed_reply(error)
        reply = answer.model_dump(mode="json")
        _count(msg, answer.reply)
        if not isinstance(error, Rejection | Transient):
            log.error("ask failed", exc_info=error)
    return json.dumps(reply).encode()


async def _consume(call_next: Next, msg: NatsMessage, bury: Bury, retries: Retries) -> None:
    deliveries = msg.raw_message.metadata.num_delivered
    try:
        if deliveries > retries.max_deliveries:
            raise GaveUpError(f"delivered {deliveries} times without an outcome")
        await call_next(msg)
        _count(msg, "handled")
    except AlreadyHandledError:
        _count(msg, "repeated")
    except (Rejection, GaveUpError) as error:
        await _bury(msg, error, bury, retries)
    except Exception as error:
        if isinstance(error, Transient):
            log.info("message comes again", problem=error.message, deliveries=deliveries)
        else:
            log.error("message failed", exc_info=error, deliveries=deliveries)
        if deliveries >= retries.max_deliveries:
            await _bury(msg, error, bury, retries)
        _count(msg, "returned")
        raise NackMessage(delay=retries.delay(deliveries)) from error


async def _bury(msg: NatsMessage, error: Exception, bury: Bury, retries: Retries) -> None:
    try:
        await bury(msg, error)
    except Exception as trouble:
        log.warning("dead letter must wait", problem=str(trouble))
        raise NackMessage(delay=retries.delay(msg.raw_message.metadata.num_delivered)) from trouble
    _count(msg, "dead")
    log.error("message is dead", problem=str(error), code=getattr(error, "code", type(error).__name__))
    raise RejectMessage from error


def _count(msg: NatsMessage, outcome: str) -> None:
    # Subjects of facts end in names; the first six tokens are the message's own, so labels stay few.
    HANDLED.labels(".".join(msg.raw_message.subject.split(".")[:6]), outcome).inc()
