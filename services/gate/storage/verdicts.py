"""Verdicts, never changed once given."""

from __future__ import annotations

from datetime import datetime

from contracts.gate.v1.views import ONLY_IN_VIEWS, VerdictPage, VerdictView
from shared.errors import NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "verdicts": (
        Index((("version", 1), ("judged_at", -1), ("_id", 1))),
        Index((("project", 1), ("judged_at", 1), ("_id", 1)), where={"last": True}),
        Index((("promotion_id", 1),), where={"last": True}),
    ),
}


class Verdicts:
    """What was said."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._verdicts = unit.collection("verdicts")

    async def add(self, verdict: VerdictView) -> None:
        """Keep a verdict; it is the last one on its promotion from now on."""
        if not verdict.promotion_id:
            raise ValueError("a verdict that nobody asked for is not kept")
        await self._verdicts.update({"promotion_id": verdict.promotion_id, "last": True}, {"$set": {"last": False}})
        await self._verdicts.add(
            {
                "_id": verdict.verdict_id,
                "project": verdict.project,
                "version": f"{verdict.project}/{verdict.application}/{verdict.version}",
                "promotion_id": verdict.promotion_id,
                "judged_at": verdict.judged_at,
                "last": True,
                "verdict": verdict.model_dump_json(exclude=set(ONLY_IN_VIEWS)),
                # What may be long is read with the single verdict only.
                "basis": verdict.model_dump_json(include=set(ONLY_IN_VIEWS)),
            }
        )

    async def get(self, project: str, verdict_id: str) -> VerdictView:
        """A verdict of that project. Raises `NotFound`."""
        found = await self._verdicts.get(verdict_id)
        if found is None or found["project"] != project:
            raise NotFound("verdict_unknown", f"There is no verdict {verdict_id} in {project}.", remedy="List them.")
        return _whole(found)

    async def page(self, version: str, after: str | None, limit: int) -> VerdictPage:
        """Verdicts on `project/application/version`, newest first."""
        where: Document = {"version": version}
        last = await self._verdicts.get(after) if after else None
        if last:
            where["$or"] = [
                {"judged_at": {"$lt": last["judged_at"]}},
                {"judged_at": last["judged_at"], "_id": {"$gt": last["_id"]}},
            ]
        order = (("judged_at", -1), ("_id", 1))
        found = await self._verdicts.find(where, sort=order, limit=limit + 1, only={"verdict": 1})
        verdicts = tuple(VerdictView.model_validate_json(document["verdict"]) for document in found[:limit])
        return VerdictPage(verdicts=verdicts, next=verdicts[-1].verdict_id if len(found) > limit else None)

    async def span(
        self, project: str, since: datetime, until: datetime, after: str | None, limit: int
    ) -> tuple[list[VerdictView], str | None]:
        """The last verdict on each promotion that was given in that time, oldest first, and where to read on."""
        where = _span(project, since, until)
        last = await self._verdicts.get(after) if after else None
        if last:
            where["$or"] = [
                {"judged_at": {"$gt": last["judged_at"]}},
                {"judged_at": last["judged_at"], "_id": {"$gt": last["_id"]}},
            ]
        found = await self._verdicts.find(where, sort=(("judged_at", 1), ("_id", 1)), limit=limit + 1)
        return [_whole(one) for one in found[:limit]], found[limit - 1]["_id"] if len(found) > limit else None

    async def count_span(self, project: str, since: datetime, until: datetime) -> int:
        """How many `span` goes through in all."""
        return await self._verdicts.count(_span(project, since, until))


def _span(project: str, since: datetime, until: datetime) -> Document:
    return {"project": project, "last": True, "judged_at": {"$gte": since, "$lt": until}}


def _whole(document: Document) -> VerdictView:
    # Two objects, written as one: long lists are read by the model itself, not by way of Python's dictionaries.
    said, basis = document["verdict"].strip(), document["basis"].strip()
    return VerdictView.model_validate_json(said if basis == "{}" else f"{said[:-1]},{basis[1:]}")
