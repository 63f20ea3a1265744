"""Contents by digest, per project: a digest opens nothing in other projects.

- Small evidence lies in its own record, which this module reads, too. Other small contents are one document. Larger
  ones are stored in chunks while they arrive, so that no instance ever holds more than one chunk of an upload.
- The same content again costs nothing.
- An upload that no evidence refers to within a day is removed, whole or broken off (`storage/uploads.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from services.evidence.domain.record import evidence_id
from services.evidence.storage import uploads
from shared.digests import sha256_digest
from shared.errors import Invalid, NotFound
from shared.messaging.scope import Scope
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, DuplicateKeyError, Index

KEPT_UNUSED = timedelta(days=1)
SMALL_BYTES = 256 * 1024
CHUNK_BYTES = 1024 * 1024
INDEXES: dict[str, tuple[Index, ...]] = {
    "blobs": (Index((("expires_at", 1),), expire_after_seconds=0),),
    **uploads.INDEXES,
}


async def read_blob(scope: Scope, project: str, digest: str) -> bytes | None:
    """The bytes with that digest, when the project has them whole."""
    found = await _find(scope, project, digest)
    if found is None:
        return None
    if "upload" not in found:
        return bytes(found["data"])
    content = b"".join([chunk async for chunk in _parts(scope, found)])
    return content if len(content) == found["size"] else None


async def stream_blob(scope: Scope, project: str, digest: str) -> tuple[int, AsyncIterator[bytes]] | None:
    """Size and parts of the bytes with that digest."""
    found = await _find(scope, project, digest)
    return (found["size"], _parts(scope, found)) if found else None


async def _find(scope: Scope, project: str, digest: str) -> Document | None:
    blob = await scope.collection("blobs").get(_key(project, digest))
    if blob is None:
        blob = await scope.collection("records").get(_key(project, evidence_id(project, digest)))
    return blob if blob and ("upload" in blob or blob["data"]) else None


async def keep_blobs(unit: UnitOfWork, contents: Iterable[tuple[str, bytes]]) -> None:
    """Keep small contents of projects for good, inside the transaction of what refers to them."""
    blobs = unit.collection("blobs")
    wanted = {_key(project, sha256_digest(data)): data for project, data in contents}
    known = await blobs.find({"_id": {"$in": list(wanted)}}, only={"expires_at": 1}, limit=len(wanted) or 1)
    await blobs.add_all(
        [
            {"_id": key, "size": len(data), "data": data}
            for key, data in wanted.items()
            if key not in {one["_id"] for one in known}
        ]
    )
    for one in known:
        if "expires_at" in one:
            await _claim(unit, one["_id"])


async def claim_blob(unit: UnitOfWork, project: str, digest: str) -> None:
    """Keep an uploaded content for good, inside the transaction of what refers to it. Raises `NotFound`."""
    if not await _claim(unit, _key(project, digest)):
        raise NotFound("blob_unknown", f"Nothing with the digest {digest} was uploaded.", remedy="Upload it first.")


async def receive_blob(database: Database, project: str, content: AsyncIterator[bytes], now: datetime) -> Document:
    """Store what arrives; its `content_digest` and `size`. Kept for a day unless something claims it.

    Raises `Invalid` for nothing at all, and what `content` raises; what was stored of it until then is removed in time.
    """
    upload, expires_at = uuid4().hex, now + KEPT_UNUSED
    hashed, size, place = hashlib.sha256(), 0, 0
    rest = bytearray()
    async for part in content:
        hashed.update(part)
        size += len(part)
        rest += part
        while len(rest) >= CHUNK_BYTES:
            if not place:
                await uploads.begin(database, upload, expires_at)
            await uploads.add_chunk(database, upload, place, bytes(rest[:CHUNK_BYTES]))
            del rest[:CHUNK_BYTES]
            place += 1
    if not size:
        raise Invalid("blob_empty", "The body is empty.", remedy="Send the bytes that are to be kept.")
    digest = f"sha256:{hashed.hexdigest()}"
    blob: Document = {"_id": _key(project, digest), "size": size, "expires_at": expires_at}
    if size <= SMALL_BYTES:
        blob["data"] = bytes(rest)
    else:
        if not place:
            await uploads.begin(database, upload, expires_at)
        await uploads.add_chunk(database, upload, place, bytes(rest))
        blob |= {"upload": upload, "chunks": place + 1}
    await _keep(database, blob)
    return {"content_digest": digest, "size": size}


async def _keep(database: Database, blob: Document) -> None:
    """Enter a finished upload, in the place of an earlier one that would expire before it."""
    blobs = database.collection("blobs")
    try:
        await blobs.add(blob)
    except DuplicateKeyError:
        known = await blobs.get(blob["_id"])
        if known and "expires_at" in known:
            # Only while nothing has claimed it: what was claimed stays as it is.
            where = {"_id": blob["_id"], "expires_at": known["expires_at"]}
            change = [{"$replaceWith": {"$literal": blob}}]
            if await blobs.update(where, change):
                return
        if "upload" in blob:
            await uploads.discard(database, blob["upload"])


async def _claim(unit: UnitOfWork, key: str) -> bool:
    blob = await unit.collection("blobs").change({"_id": key}, {"$unset": {"expires_at": ""}})
    if blob and "upload" in blob:
        return await uploads.claim(unit, blob["upload"])
    return blob is not None


async def _parts(scope: Scope, blob: Document) -> AsyncIterator[bytes]:
    if "upload" not in blob:
        yield bytes(blob["data"])
        return
    async for chunk in uploads.chunks(scope, blob["upload"], blob["chunks"]):
        yield chunk


def _key(project: str, digest: str) -> str:
    return f"{project}|{digest}"
