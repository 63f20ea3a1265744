"""The keys that verdicts were signed with. Public halves, never removed: old verdicts are verified with them."""

from __future__ import annotations

from contracts.gate.v1.views import VerdictKey, VerdictKeys
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Index

INDEXES: dict[str, tuple[Index, ...]] = {"signing_keys": ()}


class SigningKeys:
    """One document per key."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._now = unit.now
        self._keys = unit.collection("signing_keys")

    async def add(self, key_id: str, pem: str) -> bool:
        """Keep a key; whether it was news."""
        if await self._keys.get(key_id):
            return False
        await self._keys.add({"_id": key_id, "pem": pem, "since": self._now})
        return True

    async def all(self) -> VerdictKeys:
        """Every key, the oldest first."""
        found = self._keys.stream({}, sort=(("since", 1), ("_id", 1)))
        return VerdictKeys(
            keys=tuple([VerdictKey(key_id=one["_id"], pem=one["pem"], since=one["since"]) async for one in found])
        )
