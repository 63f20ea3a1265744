"""Witnesses in MongoDB: a short list, retired ones included."""

from __future__ import annotations

from services.evidence.domain.witness import Witness
from shared.errors import NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document

COLLECTION = "witnesses"


class Witnesses:
    """All witnesses."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._witnesses = unit.collection(COLLECTION)

    async def all(self) -> list[Witness]:
        """Every witness, the longest known first."""
        return [_from_document(one) for one in await self._witnesses.find({}, sort=(("registered_at", 1), ("_id", 1)))]

    async def add(self, witness: Witness) -> None:
        """Keep a new one."""
        await self._witnesses.add(
            {
                "_id": witness.verifier_key,
                "registered_at": witness.registered_at,
                "registered_by": witness.registered_by,
                "retired_at": None,
            }
        )

    async def saw(self, verifier_key: str, size: int, time: int) -> None:
        """Keep that it has cosigned the state of that size."""
        larger = {"_id": verifier_key, "newest.size": {"$not": {"$gte": size}}}
        await self._witnesses.update(larger, {"$set": {"newest": {"size": size, "time": time}}})

    async def retire(self, verifier_key: str) -> Witness:
        """It is retired from now on, or was before. Raises `NotFound`."""
        await self._witnesses.update(
            {"_id": verifier_key, "retired_at": None}, {"$set": {"retired_at": self._unit.now}}
        )
        found = await self._witnesses.get(verifier_key)
        if found is None:
            raise NotFound(
                "witness_unknown", "There is no witness with this key.", remedy="List the witnesses to find it."
            )
        return _from_document(found)


def _from_document(found: Document) -> Witness:
    newest = found.get("newest")
    return Witness(
        found["_id"],
        found["registered_at"],
        found["registered_by"],
        found["retired_at"],
        (newest["size"], newest["time"]) if newest else None,
    )
