"""One message, one transaction.

Snapshot and majority are set on the transaction itself: MongoDB ignores the concerns of collections inside one. The
callback may run several times (write conflicts, failover), so it must have no effect but through its session.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from bson.timestamp import Timestamp
from pymongo import ReadPreference, errors
from pymongo.read_concern import ReadConcern

from shared.errors import Transient
from shared.mongo.client import DURABLE, Database
from shared.mongo.collection import Collection

T = TypeVar("T")
_ANY = "outbox"
"""A collection that every database has."""
BEFORE_ALL_TIMES = Timestamp(0, 0)
"""Earlier than what any `Session.causal_time` gives."""


@dataclass(frozen=True)
class Session:
    """A transaction under way."""

    database: Database
    handle: Any
    """The motor session; only `shared.mongo` calls it."""

    def collection(self, name: str) -> Collection:
        """The collection inside this transaction."""
        return Collection(self.database.handle[name], session=self.handle)

    async def causal_time(self) -> Timestamp:
        """The newest cluster time this session has seen.

        Whatever this transaction read was committed at or before it, and its own commit will come after it. So of two
        transactions where one saw the other's effect, the later always gets the greater value: an order for the
        outbox that needs no counter which all transactions would fight over.
        Before the first operation it makes one, which fixes what the transaction sees. Raises `RuntimeError` on servers
        that are not part of a replica set.
        """
        if self.handle.delegate.cluster_time is None:
            await self.collection(_ANY).get("")
        seen = self.handle.delegate.cluster_time
        if seen is None:
            raise RuntimeError("no cluster time: transactions need a replica set")
        return Timestamp(seen["clusterTime"].time, seen["clusterTime"].inc)


async def in_transaction(database: Database, work: Callable[[Session], Awaitable[T]]) -> T:
    """Run `work` and commit; on a conflict, run it again.

    Raises `Transient` when MongoDB is away or conflicts do not end, and whatever `work` raises, after undoing it.
    """
    try:
        async with await database.client.start_session(causal_consistency=True) as handle:
            tries = 0

            async def attempt(_: Any) -> T:
                nonlocal tries
                if tries:
                    # The driver repeats at once, so that many writers of one document would mostly abort each other.
                    await asyncio.sleep(random.random() * min(0.005 * 1.5**tries, 0.5))  # noqa: S311 - no secret
                tries += 1
                return await work(Session(database, handle))

            result: T = await handle.with_transaction(
                attempt,
                read_concern=ReadConcern("snapshot"),
                write_concern=DURABLE,
                read_preference=ReadPreference.PRIMARY,
            )
            return result
    except errors.ConnectionFailure as error:
        raise Transient("database_unavailable", f"MongoDB did not answer: {type(error).__name__}.") from error
    except errors.OperationFailure as error:
        if error.has_error_label("TransientTransactionError") or error.has_error_label(
            "UnknownTransactionCommitResult"
        ):
            raise Transient("transaction_conflict", "The transaction kept colliding with others.") from error
        raise
