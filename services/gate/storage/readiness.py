"""Whose readiness to look at again, and what was last said of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "readiness": (Index((("look_at", 1),)), Index((("project", 1),), where={"ended": False})),
    "readiness_projects": (),
}


class Readiness:
    """One document per version that was ever looked at."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._now = unit.now
        self._readiness = unit.collection("readiness")
        self._projects = unit.collection("readiness_projects")

    async def mark(self, versions: Iterable[str]) -> None:
        """Have `project/application/version` looked at soon."""
        await self._readiness.update_each(
            [
                ({"_id": key}, {"$set": {"project": key.partition("/")[0], "look_at": self._now, "ended": False}})
                for key in sorted(set(versions))
            ]
        )

    async def mark_projects(self, projects: Iterable[str]) -> None:
        """Have all versions of these projects looked at that have a stage before them; of every project for `*`."""
        await self._projects.update_each([({"_id": name}, {"$inc": {"marks": 1}}) for name in sorted(set(projects))])

    async def last_said(self, version: str) -> str | None:
        """The digest of what was said last."""
        found = await self._readiness.get(version)
        return found.get("said") if found else None

    async def keep(self, version: str, said: str, *, look_at: datetime | None, ended: bool) -> None:
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
    """Have every version of a marked project looked at. A mark that was made meanwhile stays for the next time."""
    projects, readiness = database.collection("readiness_projects"), database.collection("readiness")
    for mark in await projects.find({}, limit=100):
        where: Document = {"ended": False} | ({} if mark["_id"] == "*" else {"project": mark["_id"]})
        await readiness.update(where, {"$set": {"look_at": now}})
        await projects.remove({"_id": mark["_id"], "marks": mark["marks"]})
