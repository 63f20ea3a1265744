"""Messages to be published, kept in the transaction that made them true.

- A row's id is the message id, computed from its cause: a handler that runs again makes the same ids.
- Rows are ordered by the causal time of their transaction, then by their place in it. So a fact that came of another
  one is always published after it, and no counter makes unrelated transactions collide.
- Rows stay for a while after they were sent, so that a lost stream can be told again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contracts.headers import Meta
from contracts.message import MAX_BODY, Event, Message
from shared.errors import TooLarge
from shared.messaging.headers import bound, write_headers
from shared.messaging.scope import Scope
from shared.mongo import BEFORE_ALL_TIMES, Document, Index, Session
from shared.tracing import current_traceparent

COLLECTION = "outbox"
KEPT_AFTER_SENT = timedelta(days=30)
INDEXES = (
    Index((("order", 1), ("place", 1)), where={"sent": False}),
    Index((("expires_at", 1),), expire_after_seconds=0),
)


@dataclass(frozen=True)
class Outgoing:
    """One row of the outbox, as the relay publishes it."""

    message_id: str
    subject: str
    headers: dict[str, str]
    body: bytes


def message_id_for(service: str, cause: str, place: int) -> str:
    """The id of the message that handling `cause` announces in that place."""
    return hashlib.sha256(f"{service}\n{cause}\n{place}".encode()).hexdigest()[:32]


def outgoing(message: Message, *, service: str, cause: Meta, place: int, at: datetime) -> Outgoing:
    """The wire form of a message. Raises `TooLarge` above `MAX_BODY`: larger contents travel as digests."""
    body = message.model_dump_json(by_alias=True).encode()
    if len(body) > MAX_BODY:
        raise TooLarge("message_too_large", f"{type(message).__name__} has {len(body)} bytes, above {MAX_BODY}.")
    meta = Meta(
        message_id=message_id_for(service, cause.message_id, place),
        correlation_id=cause.correlation_id,
        causation_id=cause.message_id,
        source=f"/hallmark/{service}",
        time=at,
        traceparent=current_traceparent() or cause.traceparent,
    )
    about = f"{message.project or '_'}/{message.application or '_'}" if isinstance(message, Event) else ""
    headers = write_headers(meta, subject=message.subject, about=about) | bound(message.attributes())
    return Outgoing(meta.message_id, message.address(), headers, body)


async def keep(session: Session, rows: list[Outgoing]) -> None:
    """Add the rows to the outbox, inside the transaction."""
    if not rows:
        return
    order = await session.causal_time()
    await session.collection(COLLECTION).add_all(
        [
            {
                "_id": row.message_id,
                "order": order,
                "place": place,
                "subject": row.subject,
                "headers": row.headers,
                "body": row.body,
                "sent": False,
            }
            for place, row in enumerate(rows)
        ]
    )


async def unpublished_for(scope: Scope, now: datetime) -> float:
    """For how many seconds the oldest message has been waiting to be published; 0.0 when none does."""
    oldest = await scope.collection(COLLECTION).find_one({"sent": False}, sort=(("order", 1), ("place", 1)))
    return max(0.0, now.timestamp() - oldest["order"].time) if oldest else 0.0


async def more_wait_than(scope: Scope, limit: int) -> bool:
    """Whether more messages than that wait to be published; costs no more than counting to the limit."""
    # Without bounds on what the index is ordered by, MongoDB does not use it, and reads all that was ever sent.
    waiting = {"sent": False, "order": {"$gte": BEFORE_ALL_TIMES}}
    return await scope.collection(COLLECTION).count(waiting, most=limit + 1) > limit


def from_document(document: Document) -> Outgoing:
    """A row as it was kept."""
    return Outgoing(document["_id"], document["subject"], document["headers"], bytes(document["body"]))


UNSENT = {"$set": {"sent": False}, "$unset": {"sent_at": True, "expires_at": True}}
"""The update that has the relay publish a row again."""


def sent_change(at: datetime) -> dict[str, Any]:
    """The update that marks rows as published."""
    return {"$set": {"sent": True, "sent_at": at, "expires_at": at + KEPT_AFTER_SENT}}
