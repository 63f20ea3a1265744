"""Waivers, and which verdicts needed them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from contracts.circumstances import WaiverFacts
from contracts.gate.v1.views import VerdictView
from contracts.gate.v1.waivers import CoveredVersion, WaiverPage, WaiverView
from contracts.vocabulary import Mode, Outcome
from services.gate.domain.waiver import GRANTED, REQUESTED, Waiver
from shared.errors import NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "waivers": (
        Index((("application", 1), ("expires_at", 1)), where={"state": GRANTED}),
        Index((("state", 1), ("expires_at", 1), ("_id", 1)), where={"open": True}),
        Index((("expires_at", 1), ("_id", 1)), where={"open": True}),
        Index((("project", 1), ("expires_at", 1), ("_id", 1))),
        Index((("artifact", 1),)),
    ),
    "waiver_uses": (Index((("waiver", 1),)),),
    "waiver_covered": (Index((("waiver", 1), ("judged_at", -1), ("_id", 1))),),
}
MAX_COVERED = 200


class Waivers:
    """The exceptions of all projects."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._waivers = unit.collection("waivers")
        self._uses = unit.collection("waiver_uses")
        self._covered = unit.collection("waiver_covered")

    async def in_force(self, application: str, now: datetime) -> tuple[WaiverFacts, ...]:
        """Those granted for `project/application` that have not expired, by id. Never cut short."""
        where: Document = {"application": application, "state": GRANTED, "expires_at": {"$gt": now}}
        found = self._waivers.stream(where)
        return tuple([_waiver(one).facts async for one in found])

    async def get(self, project: str, waiver_id: str) -> Waiver:
        """A waiver of that project. Raises `NotFound`."""
        found = await self._waivers.get(waiver_id)
        if found is None or found["project"] != project:
            raise NotFound("waiver_unknown", f"There is no waiver {waiver_id} in {project}.", remedy="List them.")
        return _waiver(found)

    async def save(self, waiver: Waiver) -> None:
        """Keep a waiver as it is now."""
        await self._waivers.put(
            {
                "_id": waiver.waiver_id,
                "project": waiver.project,
                "application": f"{waiver.project}/{waiver.application}",
                "state": waiver.state,
                "open": waiver.state in (REQUESTED, GRANTED),
                "expires_at": waiver.expires_at,
                "artifact": waiver.subject.artifact,
                "requested_by": waiver.requested_by,
                "waiver": waiver.model_dump_json(),
            }
        )

    async def used(self, verdict: VerdictView) -> None:
        """Keep that a verdict needed waivers and, when it allows, what they let through: each gate of each once."""
        await self._uses.add_all(
            [{"_id": f"{one.waiver_id}|{verdict.verdict_id}", "waiver": one.waiver_id} for one in verdict.waivers]
        )
        if verdict.outcome is not Outcome.ALLOW:
            return
        for waiver_id, stage, gate in sorted(_needed(verdict)):
            document: Document = {
                "waiver": waiver_id,
                "version": verdict.version,
                "stage": stage,
                "gate": gate,
                "verdict_id": verdict.verdict_id,
                "judged_at": verdict.judged_at,
            }
            await self._covered.put({"_id": f"{waiver_id}|{verdict.version}|{stage}|{gate}", **document})

    async def uses(self, waiver_id: str) -> int:
        """How many verdicts needed it."""
        return await self._uses.count({"waiver": waiver_id})

    async def covered(self, waiver_id: str) -> tuple[CoveredVersion, ...]:
        """The gates that versions were let through because of it, the newest first, at most `MAX_COVERED`."""
        order = (("judged_at", -1), ("_id", 1))
        found = await self._covered.find({"waiver": waiver_id}, sort=order, limit=MAX_COVERED)
        return tuple(CoveredVersion.model_validate(one) for one in found)

    async def covered_count(self, waiver_id: str) -> int:
        """How many `covered` would list without its limit."""
        return await self._covered.count({"waiver": waiver_id})

    async def view(self, waiver: Waiver) -> WaiverView:
        """A waiver for people and programs."""
        return WaiverView.model_validate({**waiver.model_dump(), "uses": await self.uses(waiver.waiver_id)})

    async def page(
        self,
        project: str,
        application: str | None,
        state: str | None,
        *,
        artifacts: Sequence[str] = (),
        after: str | None,
        limit: int,
    ) -> WaiverPage:
        """Waivers of a project, those that end first leading."""
        where: Document = {"project": project}
        if application:
            where["application"] = f"{project}/{application}"
        if state:
            where["state"] = state
        if artifacts:
            where["artifact"] = {"$in": list(artifacts)}
        return await self._page(where, after, limit)

    async def requested(
        self, projects: Collection[str] | None, subject: str, now: datetime, *, after: str | None, limit: int
    ) -> WaiverPage:
        """Those that wait for a decision in these projects (None: all), but for those that `subject` asked for."""
        where: Document = {"open": True, "state": REQUESTED, "expires_at": {"$gt": now}}
        where["requested_by"] = {"$ne": subject}
        if projects is not None:
            where["project"] = {"$in": sorted(projects)}
        return await self._page(where, after, limit)

    async def open_ones(self, projects: Sequence[str] | None, *, after: str | None, limit: int) -> WaiverPage:
        """Those that are asked for or in force in these projects, or in all; those that end first lead."""
        where: Document = {"open": True}
        if projects is not None:
            where["project"] = {"$in": list(projects)}
        return await self._page(where, after, limit)

    async def _page(self, where: Document, after: str | None, limit: int) -> WaiverPage:
        last = await self._waivers.get(after) if after else None
        if last:
            where = where | {
                "$or": [
                    {"expires_at": {"$gt": last["expires_at"]}},
                    {"expires_at": last["expires_at"], "_id": {"$gt": last["_id"]}},
                ]
            }
        found = await self._waivers.find(where, sort=(("expires_at", 1), ("_id", 1)), limit=limit + 1)
        uses = await self._uses_of_each([one["_id"] for one in found[:limit]])
        shown = (_waiver(one).model_dump() for one in found[:limit])
        views = tuple(WaiverView.model_validate({**one, "uses": uses.get(one["waiver_id"], 0)}) for one in shown)
        return WaiverPage(waivers=views, next=views[-1].waiver_id if len(found) > limit else None)

    async def _uses_of_each(self, ids: Sequence[str]) -> dict[str, int]:
        """As `uses`, for several waivers; without those that nothing needed."""
        counted = {"$group": {"_id": "$waiver", "count": {"$sum": 1}}}
        found = await self._uses.aggregate([{"$match": {"waiver": {"$in": list(ids)}}}, counted])
        return {one["_id"]: one["count"] for one in found}


async def overdue(database: Database, now: datetime, limit: int) -> list[tuple[str, str]]:
    """Project and id of waivers whose time is over and of which nobody was told."""
    found = await database.collection("waivers").find(
        {"open": True, "expires_at": {"$lte": now}}, sort=(("expires_at", 1),), limit=limit
    )
    return [(one["project"], one["_id"]) for one in found]


def _waiver(document: Document) -> Waiver:
    return Waiver.model_validate_json(document["waiver"])


def _needed(verdict: VerdictView) -> set[tuple[str, str, str]]:
    """Which waivers were needed at which gates: those in mode `block` only, since the others stop nothing."""
    return {
        (waiver_id, finding.stage, finding.gate.value)
        for finding in verdict.findings
        if finding.mode is Mode.BLOCK
        for waiver_id in finding.waived
    }
