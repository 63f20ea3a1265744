"""Uploads: the chunks of one large content, and how long they are kept unless something claims them.

- An upload has one small document beside its chunks, so that keeping it for good changes a few bytes. A transaction
  that touched the chunks would need room for all of them in MongoDB's cache; without it, it would be tried again and
  again, and hold up everything that is appended meanwhile.
- What nobody has claimed when its day is over is swept: first marked, so that nothing can claim it any more, then its
  chunks removed, then its document. A sweep that broke off is finished by the next one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from shared.messaging.scope import Scope
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "uploads": (Index((("expires_at", 1),)),),
    "blob_chunks": (Index((("upload", 1), ("_id", 1))),),
}
_SWEPT_AT_ONCE = 100


async def begin(database: Database, upload: str, expires_at: datetime) -> None:
    """Before its first chunk is stored."""
    await database.collection("uploads").add({"_id": upload, "expires_at": expires_at})


async def add_chunk(database: Database, upload: str, place: int, data: bytes) -> None:
    """Store one part."""
    await database.collection("blob_chunks").add({"_id": _name(upload, place), "upload": upload, "data": data})


async def chunks(scope: Scope, upload: str, count: int) -> AsyncIterator[bytes]:
    """The parts in order; they end early when the upload has been swept in the meantime."""
    for place in range(count):
        chunk = await scope.collection("blob_chunks").get(_name(upload, place))
        if chunk is None:
            return
        yield bytes(chunk["data"])


async def claim(unit: UnitOfWork, upload: str) -> bool:
    """Keep the upload for good, inside the transaction of what refers to it; False when it is gone."""
    where = {"_id": upload, "swept": {"$exists": False}}
    return await unit.collection("uploads").change(where, {"$unset": {"expires_at": ""}}) is not None


async def discard(database: Database, upload: str) -> None:
    """Remove an upload that nothing can have claimed."""
    await database.collection("blob_chunks").remove({"upload": upload})
    await database.collection("uploads").remove({"_id": upload})


async def sweep(database: Database, now: datetime) -> int:
    """Remove uploads whose time is over, some at once; how many. Several instances may do this at the same time."""
    uploads = database.collection("uploads")
    expired = await uploads.find({"expires_at": {"$lt": now}}, limit=_SWEPT_AT_ONCE)
    swept = [one["_id"] for one in expired if await _mark(database, one)]
    for upload in swept:
        await discard(database, upload)
    return len(swept)


async def _mark(database: Database, found: Document) -> bool:
    where = {"_id": found["_id"], "expires_at": found["expires_at"]}
    return await database.collection("uploads").change(where, {"$set": {"swept": True}}) is not None


def _name(upload: str, place: int) -> str:
    return f"{upload}|{place:05}"
