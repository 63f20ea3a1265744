"""Whose readiness to look at again, and what was last said of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "readiness": (Index((("look_at", 1),)), Index((("project", 1),), where={"ended": False})),
    "readiness_marks": (),
}


class Readiness:
    """One document per version that was ever looked at."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._now = unit.now
        self._readiness = unit.collection("readiness")
        self._marks = unit.collection("readiness_marks")

    async def mark(self, versions: Iterable[str]) -> None:
        """Have `project/application/version` looked at soon."""
        await self._readiness.update_each(
            [
                ({"_id": key}, {"$set": {"project": key.partition("/")[0], "look_at": self._now, "ended": False}})
                for key in sorted(set(versions))
            ]
        )

    async def mark_within(self, place: str, *, ended: bool = False) -> None:
        """Have the versions of a project, of `project/application`, or of everybody (`*`) looked at soon.

        Those that have no stage before them are left out unless `ended`, for when the way itself has changed.
        """
        change: Document = {"$inc": {"marks": 1}} | ({"$set": {"ended": True}} if ended else {})
        await self._marks.update({"_id": place}, change, upsert=True)

    async def last_said(self, version: str) -> str | None:
        """The digest of what was said last."""
        found = await self._readiness.get(version)
        return found.get("said") if found else None

    async def keep(self, version: str, said: str | None, *, look_at: datetime | None, ended: bool) -> None:
        """Keep what is said of a version now, and when to look again though nothing is heard."""
        project = version.partition("/")[0]
        change = {"project": project, "said": said, "look_at": look_at, "ended": ended}
        await self._readiness.update({"_id": version}, {"$set": change}, upsert=True)


async def due(database: Database, now: datetime, limit: int) -> list[str]:
    """Versions to look at now, those that wait longest leading."""
    where: Document = {"look_at": {"$lte": now, "$ne": None}}
    found = await database.collection("readiness").find(where, sort=(("look_at", 1),), limit=limit)
    return [one["_id"] for one in found]


async def spread_marks(database: Database, now: datetime) -> None:
    """Have every version of a marked place looked at. A mark that was made meanwhile stays for the next time."""
    marks, readiness = database.collection("readiness_marks"), database.collection("readiness")
    for mark in await marks.find({}, limit=100):
        where: Document = _within(mark["_id"]) | ({} if mark.get("ended") else {"ended": False})
        await readiness.update(where, {"$set": {"look_at": now}})
        await marks.remove({"_id": mark["_id"], "marks": mark["marks"]})


def _within(place: str) -> Document:
    if place == "*":
        return {}
    if "/" in place:
        return {"_id": {"$gte": f"{place}/", "$lt": f"{place}0"}}  # `0` is what follows `/`.
    return {"project": place}
