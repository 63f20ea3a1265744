"""What has been handled already, kept in the transaction that handled it.

One row per message and service; a command's row also keeps the reply, so that asking twice is answered once. Rows
outlive the longest replay: facts are kept for a year in their stream, so their rows are kept a little longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Conflict
from shared.messaging.scope import Scope
from shared.mongo import Document, DuplicateKeyError, Index, Session

COLLECTION = "inbox"
KEPT = timedelta(days=400)
INDEXES = (Index((("expires_at", 1),), expire_after_seconds=0),)


class AlreadyHandledError(Exception):
    """This message had its effect before; `reply` is what was answered then (None for events)."""

    def __init__(self, reply: dict[str, Any] | None) -> None:
        super().__init__("already handled")
        self.reply = reply


class MarkedBeforeError(Exception):
    """Somebody has marked this message already; whether on a majority's disks is not known yet."""


async def refuse_repeats(scope: Scope, key: str, *, request_digest: str) -> None:
    """Pass only for a message that was not handled yet.

    Raises `AlreadyHandledError` for one that was, and `Conflict` for another request under the same id.
    """
    row = await scope.collection(COLLECTION).get(key)
    if row is not None:
        raise _repeat(row, request_digest)


async def handled_before(scope: Scope, requests: Mapping[str, str]) -> dict[str, Exception]:
    """Which keys were handled before, each with what `refuse_repeats` would raise; `requests`: digest of each."""
    rows = await scope.collection(COLLECTION).find({"_id": {"$in": list(requests)}}, limit=len(requests))
    return {row["_id"]: _repeat(row, requests[row["_id"]]) for row in rows}


def _repeat(row: Document, request_digest: str) -> Exception:
    if row["request"] != request_digest:
        return Conflict(
            "command_id_reused",
            "This command id was used before, for another request.",
            remedy="Use a new id (Idempotency-Key) for every new request.",
        )
    return AlreadyHandledError(row.get("reply"))


async def mark_first(session: Session, key: str, *, request_digest: str, at: datetime) -> None:
    """Remember that a message without a reply has its effect now: the first thing in its transaction.

    Raises `MarkedBeforeError` for a repeat, which ends the transaction: ask then, outside, what is known for certain.
    """
    try:
        await mark_handled(session, key, request_digest=request_digest, reply=None, at=at)
    except DuplicateKeyError as error:
        raise MarkedBeforeError(key) from error


async def mark_handled(
    session: Session, key: str, *, request_digest: str, reply: dict[str, Any] | None, at: datetime
) -> None:
    """Remember that the message has had its effect, with the reply."""
    await mark_all_handled(session, [(key, request_digest, reply)], at=at)


async def mark_all_handled(
    session: Session, handled: Sequence[tuple[str, str, dict[str, Any] | None]], *, at: datetime
) -> None:
    """As `mark_handled`, for several at once: key, digest of the request, reply."""
    await session.collection(COLLECTION).add_all(
        [
            {"_id": key, "request": request, "reply": reply, "at": at, "expires_at": at + KEPT}
            for key, request, reply in handled
        ]
    )
