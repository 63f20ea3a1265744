"""Verdicts, never changed once given."""

from __future__ import annotations

from contracts.gate.v1.views import VerdictPage, VerdictView
from shared.errors import NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "verdicts": (
        Index((("version", 1), ("judged_at", -1), ("_id", 1))),
        Index((("project", 1), ("judged_at", 1), ("_id", 1))),
    ),
}


class Verdicts:
    """What was said."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._verdicts = unit.collection("verdicts")

    async def add(self, verdict: VerdictView) -> None:
        """Keep a verdict."""
        await self._verdicts.add(
            {
                "_id": verdict.verdict_id,
                "project": verdict.project,
                "version": f"{verdict.project}/{verdict.application}/{verdict.version}",
                "judged_at": verdict.judged_at,
                "verdict": verdict.model_dump_json(),
            }
        )

    async def get(self, project: str, verdict_id: str) -> VerdictView:
        """A verdict of that project. Raises `NotFound`."""
        found = await self._verdicts.get(verdict_id)
        verdict = _verdict(found) if found else None
        if verdict is None or verdict.project != project:
            raise NotFound("verdict_unknown", f"There is no verdict {verdict_id} in {project}.", remedy="List them.")
        return verdict

    async def page(self, version: str, after: str | None, limit: int) -> VerdictPage:
        """Verdicts on `project/application/version`, newest first."""
        where: Document = {"version": version}
        last = await self._verdicts.get(after) if after else None
        if last:
            where["$or"] = [
                {"judged_at": {"$lt": last["judged_at"]}},
                {"judged_at": last["judged_at"], "_id": {"$gt": last["_id"]}},
            ]
        found = await self._verdicts.find(where, sort=(("judged_at", -1), ("_id", 1)), limit=limit + 1)
        # The evidence considered may be long, and belongs to one verdict: it is read with that.
        verdicts = tuple(
            _verdict(document).model_copy(update={"considered": (), "circumstances": None})
            for document in found[:limit]
        )
        return VerdictPage(verdicts=verdicts, next=verdicts[-1].verdict_id if len(found) > limit else None)


def _verdict(document: Document) -> VerdictView:
    return VerdictView.model_validate_json(document["verdict"])
