"""Messages that could not be handled, put where operators find them.

A dead letter goes through the outbox like everything else that is said, so that burying survives a crash too. The
service that buries keeps it as well, with what becomes of it (`settling.py`).
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable

from faststream.nats import NatsMessage

from contracts.any.v1.dead_letters import LetterState
from contracts.headers import AUTHORIZATION, Meta
from contracts.message import DeadLetter
from shared.clock import Clock
from shared.errors import HallmarkError
from shared.messaging.outbox import keep, outgoing
from shared.messaging.relay import Relay
from shared.mongo import Database, DuplicateKeyError, Index, Session, in_transaction

COLLECTION = "dead_letters"
INDEXES = (Index((("at", -1), ("_id", 1))), Index((("state", 1), ("at", -1), ("_id", 1))))
Bury = Callable[[NatsMessage, Exception], Awaitable[None]]
LONGEST_BODY = 128 * 1024
"""Bytes of the original that are kept: a dead letter must itself be a message of legal size."""


def undertaker(database: Database, relay: Relay, *, service: str, clock: Clock) -> Bury:
    """How this service buries a message."""

    async def bury(message: NatsMessage, error: Exception) -> None:
        place = message.raw_message.metadata
        name = f"{place.stream}.{place.sequence.stream}"
        meta = Meta(message_id=f"dead.{name}", correlation_id=message.correlation_id, source=service, time=clock())
        letter = DeadLetter(
            service=service,
            stream=place.stream,
            original_subject=message.raw_message.subject,
            original_id=name,
            deliveries=place.num_delivered,
            code=error.code if isinstance(error, HallmarkError) else type(error).__name__,
            reason=str(error)[:2000],
            # Tokens must not outlive the message they came with.
            headers={key: value for key, value in message.headers.items() if key.lower() != AUTHORIZATION},
            body=base64.b64encode(message.body[:LONGEST_BODY]).decode(),
        )

        async def work(session: Session) -> None:
            await session.collection(COLLECTION).add(
                {
                    "_id": name,
                    "code": letter.code,
                    "at": clock(),
                    "state": LetterState.WAITING.value,
                    "letter": letter.model_dump_json(),
                }
            )
            await keep(session, [outgoing(letter, service=service, cause=meta, place=0, at=clock())])

        try:
            await in_transaction(database, work)
        except DuplicateKeyError:  # Buried before; only the ack of the original was lost.
            return
        await relay.wake()

    return bury
