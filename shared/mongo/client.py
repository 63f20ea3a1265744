"""Connecting to MongoDB so that what is acknowledged is on a majority's disks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from shared.mongo.collection import Collection, Index
from shared.mongo.errors import translated

DURABLE = WriteConcern(w="majority", j=True, wtimeout=15_000)
"""Acknowledged means: journaled by a majority. `wtimeout` in milliseconds, above a measured 11 s failover."""
_HASTY = WriteConcern(w=1)
_NAMESPACE_EXISTS = 48
_ANY = "outbox"
"""A collection that every service has."""
_CATCH_UP_MS = 5_000
_SERVER_SELECTION_MS = 15_000
_CONNECT_MS = 10_000
_HEARTBEAT_MS = 5_000
_ANSWER_MS = 20_000
"""Without it, whoever asked a primary that then froze waits for as long as that is frozen. Above `wtimeout`."""


@dataclass(frozen=True)
class Database:
    """One service's database."""

    client: Any
    """The motor client; only `shared.mongo` calls it."""
    handle: Any
    """The motor database; only `shared.mongo` calls it."""

    def collection(self, name: str) -> Collection:
        """The collection outside any transaction: for reads, and for technique that needs no unit of work."""
        return Collection(self.handle[name], session=None)

    def hasty_collection(self, name: str) -> Collection:
        """As `collection`, but writes do not wait for the disk: only for what may be lost without anybody noticing."""
        return Collection(self.handle[name].with_options(write_concern=_HASTY), session=None)

    async def create_indexes(self, indexes: dict[str, tuple[Index, ...]]) -> None:
        """Create the collections and the indexes that are missing. Raises `Transient` when MongoDB is away.

        Several instances may do so at the same time.
        """
        with translated():
            existing = set(await self.handle.list_collection_names())
            for name, wanted in indexes.items():
                if name not in existing:
                    await self._create_collection(name)
                if wanted:
                    await self.handle[name].create_indexes([index.model() for index in wanted])

    async def _create_collection(self, name: str) -> None:
        try:
            await self.handle.create_collection(name, check_exists=False)
        except OperationFailure as refusal:
            if refusal.code != _NAMESPACE_EXISTS:  # Another instance was quicker.
                raise

    async def catch_up(self) -> None:
        """Return when majority reads see every write that was acknowledged before. Raises `Transient`.

        A primary that was just elected has those writes, and may not know yet that a majority has them. A linearizable
        read makes it find out; it costs a write of nothing to a majority.
        """
        anything = self.handle[_ANY].with_options(read_concern=ReadConcern("linearizable"))
        with translated():
            await anything.find_one({"_id": ""}, max_time_ms=_CATCH_UP_MS)

    async def ping(self) -> None:
        """Raises `Transient` unless the primary answers."""
        with translated():
            await self.handle.command("ping", read_preference=ReadPreference.PRIMARY)


@asynccontextmanager
async def connect(url: str, database: str, *, application: str) -> AsyncIterator[Database]:
    """A connected database; closed on leaving. `application` names the connection in the server's log."""
    client: Any = AsyncIOMotorClient(
        url,
        appname=application,
        tz_aware=True,
        serverSelectionTimeoutMS=_SERVER_SELECTION_MS,
        connectTimeoutMS=_CONNECT_MS,
        heartbeatFrequencyMS=_HEARTBEAT_MS,
        socketTimeoutMS=_ANSWER_MS,
        retryWrites=True,
    )
    handle: AsyncIOMotorDatabase[Any] = client.get_database(
        database,
        codec_options=CodecOptions(tz_aware=True),
        write_concern=DURABLE,
        read_concern=ReadConcern("majority"),
        read_preference=ReadPreference.PRIMARY,
    )
    try:
        yield Database(client, handle)
    finally:
        client.close()
