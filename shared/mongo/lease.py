"""A lease with a fencing token: one holder at a time, by the server's clock.

- Time is MongoDB's `$$NOW`, never a local clock.
- The token rises with every new holder. A holder that slept past its lease finds its token out of date.
- A process that takes the place of a dead one, under the same owner name, need not wait for the lease to run out; it
  gets a new token, so that the dead one could not write even if it were only asleep.
- Whoever must not write after losing the lease calls `fence` inside the very transaction that writes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from shared.mongo.client import Database
from shared.mongo.collection import Document
from shared.mongo.errors import DuplicateKeyError
from shared.mongo.transactions import Session

COLLECTION = "leases"


class LeaseLostError(Exception):
    """Somebody else holds the lease by now: stop at once, undo nothing, they carry on."""


@dataclass
class Lease:
    """One instance's hold on one named duty."""

    database: Database
    name: str
    owner: str
    """The instance's name: stable across restarts, different for each instance that runs at the same time."""
    ttl: float = 30.0
    """Seconds. Above the 11 s that a failover was measured to take."""
    token: int = field(default=0, init=False)
    _incarnation: str = field(default_factory=lambda: uuid4().hex, init=False)
    _renew_at: float = field(default=0.0, init=False)

    async def hold(self) -> bool:
        """Take or keep the lease; True while it is ours. Asks MongoDB only when a third of the time is gone."""
        if self.token and time.monotonic() < self._renew_at:
            return True
        asked_at = time.monotonic()
        held = await self._take()
        if held is None and await self._make():
            held = await self._take()
        if held is None:
            self.token = 0
            return False
        self.token = int(held["token"])
        self._renew_at = asked_at + self.ttl / 3
        return True

    async def _take(self) -> Document | None:
        free_or_mine = {"$or": [{"$eq": ["$owner", self.owner]}, {"$lt": ["$expires_at", "$$NOW"]}]}
        unchanged = {"$and": [{"$eq": ["$owner", self.owner]}, {"$eq": ["$incarnation", self._incarnation]}]}
        next_token = {"$cond": [unchanged, "$token", {"$add": ["$token", 1]}]}
        expires_at = {"$add": ["$$NOW", round(self.ttl * 1000)]}
        return await self.database.collection(COLLECTION).change(
            {"_id": self.name, "$expr": free_or_mine},
            [
                {
                    "$set": {
                        "token": next_token,
                        "owner": self.owner,
                        "incarnation": self._incarnation,
                        "expires_at": expires_at,
                    }
                }
            ],
        )

    async def _make(self) -> bool:
        """Make the lease's document, free to take; False when it was there, which means that somebody holds it."""
        never = datetime.fromtimestamp(0, UTC)
        try:
            await self.database.collection(COLLECTION).add(
                {"_id": self.name, "owner": "", "incarnation": "", "token": 0, "expires_at": never}
            )
        except DuplicateKeyError:
            return False
        return True

    async def fence(self, session: Session) -> None:
        """Tie the surrounding transaction to this lease. Raises `LeaseLostError` when it is not ours any more."""
        kept = await session.collection(COLLECTION).change(
            {"_id": self.name, "token": self.token, "incarnation": self._incarnation}, {"$inc": {"writes": 1}}
        )
        if kept is None:
            raise LeaseLostError(self.name)

    async def release(self) -> None:
        """Let somebody else have it at once."""
        if self.token:
            await self.database.collection(COLLECTION).update(
                {"_id": self.name, "incarnation": self._incarnation}, [{"$set": {"expires_at": "$$NOW", "owner": ""}}]
            )
            self.token = 0
            self._renew_at = 0.0
