"""Which evidence is still to be judged by newer trust roots, and what became of the rest.

`records`      carry the state of their project's roots that they were judged by (`roots_state`).
`rejudgings`   {_id: project, changed_at}: projects whose records may lag behind.

- A change of roots opens its project in its own transaction. So as soon as the change is acknowledged, whoever asks
  for positions learns whether evidence about a subject lags behind.
- A project stays open for `OPEN_FOR` after everything was judged: evidence that was on its way in when the roots
  changed can become visible after the change. MongoDB ends every transaction within two minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.facts import EarlierStanding, EvidenceItem
from services.evidence.storage.records import count_up
from services.evidence.storage.trust_roots import roots_in
from shared.messaging.scope import Scope
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {"rejudgings": ()}
OPEN_FOR = timedelta(minutes=5)
MAX_PROJECTS = 100_000


async def opened(scope: Scope) -> list[Document]:
    """The projects whose records may lag behind."""
    return await scope.collection("rejudgings").find({}, limit=MAX_PROJECTS)


async def outdated(scope: Scope, project: str, roots_state: str, limit: int) -> list[Document]:
    """Records of a project that were judged by other roots than these; of those judged at one time the newest first."""
    where = {"project": project, **_other_than(roots_state)}
    return await scope.collection("records").find(where, sort=(("roots_state", 1), ("received_at", -1)), limit=limit)


async def close(scope: Scope, found: Document, now: datetime) -> None:
    """Stop looking for records that lag behind, when no transaction from before the change can be under way."""
    if found["changed_at"] + OPEN_FOR < now:
        await scope.collection("rejudgings").remove({"_id": found["_id"], "changed_at": found["changed_at"]})


class Rejudgings:
    """The judging anew of evidence, inside one transaction."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._records = unit.collection("records")
        self._rejudgings = unit.collection("rejudgings")

    async def begin(self, project: str | None) -> int:
        """Have every record of a project judged again, of all projects for None; how many there are."""
        projects = {project} if project else await self._everybody()
        for name in sorted(projects):
            await self._rejudgings.put({"_id": name, "changed_at": self._unit.now})
        return await self._records.count({"project": project} if project else {})

    async def _everybody(self) -> set[str]:
        found = await self._records.aggregate([{"$group": {"_id": "$project"}}], limit=MAX_PROJECTS)
        return {str(one["_id"]) for one in found}

    async def lagging(self, project: str, subjects: tuple[str, ...]) -> bool:
        """Whether evidence about any of the subjects is still to be judged by the roots in force."""
        if await self._rejudgings.get(project) is None:
            return False
        state = (await roots_in(self._unit, project)).state
        where = {"project": project, "subjects": {"$in": list(subjects)}, **_other_than(state)}
        return await self._records.find_one(where) is not None

    async def judged(self, documents: list[Document], roots_state: str) -> None:
        """Keep by which roots these were judged, whatever came of it."""
        ids = [document["_id"] for document in documents]
        await self._records.update({"_id": {"$in": ids}}, {"$set": {"roots_state": roots_state}})

    async def keep(self, project: str, item: EvidenceItem, before: EarlierStanding) -> dict[str, int]:
        """Keep the new standing beside the earlier ones; the positions of its subjects afterwards."""
        await self._records.update(
            {"_id": f"{project}|{item.evidence_id}"},
            {"$set": {"item": item.model_dump_json()}, "$push": {"history": before.model_dump_json()}},
        )
        return await count_up(self._unit, project, item.subjects)


def _other_than(roots_state: str) -> Document:
    # Also matches records from before this was kept.
    return {"roots_state": {"$ne": roots_state}}
