"""What has been handled already, kept in the transaction that handled it.

One row per message and service; a command's row also keeps the reply, so that asking twice is answered once. Rows
outlive the longest replay: facts are kept for a year in their stream, so their rows are kept a little longer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.errors import Conflict
from shared.messaging.scope import Scope
from shared.mongo import Index, Session

COLLECTION = "inbox"
KEPT = timedelta(days=400)
INDEXES = (Index((("expires_at", 1),), expire_after_seconds=0),)


class AlreadyHandledError(Exception):
    """This message had its effect before; `reply` is what was answered then (None for events)."""

    def __init__(self, reply: dict[str, Any] | None) -> None:
        super().__init__("already handled")
        self.reply = reply


async def refuse_repeats(scope: Scope, key: str, *, request_digest: str) -> None:
    """Pass only for a message that was not handled yet.

    Raises `AlreadyHandledError` for one that was, and `Conflict` for another request under the same id.
    """
    row = await scope.collection(COLLECTION).get(key)
    if row is None:
        return
    if row["request"] != request_digest:
        raise Conflict(
            "command_id_reused",
            "This command id was used before, for another request.",
            remedy="Use a new id (Idempotency-Key) for every new request.",
        )
    raise AlreadyHandledError(row.get("reply"))


async def mark_handled(
    session: Session, key: str, *, request_digest: str, reply: dict[str, Any] | None, at: datetime
) -> None:
    """Remember that the message has had its effect, with the reply."""
    await session.collection(COLLECTION).add(
        {"_id": key, "request": request_digest, "reply": reply, "at": at, "expires_at": at + KEPT}
    )
