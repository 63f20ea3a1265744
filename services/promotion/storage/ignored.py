"""Facts that changed nothing, kept for people to see why."""

from __future__ import annotations

from contracts.promotion.v1.views import IgnoredFact
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "ignored": (
        Index((("promotion_id", 1), ("at", -1))),
        Index((("at", 1),), expire_after_seconds=400 * 86_400),
    )
}
_SHOWN = 20


class Ignored:
    """What came late, twice, or was about something else."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._ignored = unit.collection("ignored")

    async def keep(self, promotion_id: str, fact: str, why: str) -> None:
        """Remember one; the same message counts once."""
        key = f"{promotion_id}|{fact}|{self._unit.meta.message_id}"
        await self._ignored.put(
            {"_id": key, "promotion_id": promotion_id, "fact": fact, "why": why, "at": self._unit.now}
        )

    async def of(self, promotion_id: str) -> tuple[IgnoredFact, ...]:
        """The newest ones of a promotion."""
        found = await self._ignored.find({"promotion_id": promotion_id}, sort=(("at", -1),), limit=_SHOWN)
        return tuple(IgnoredFact.model_validate(one) for one in found)
