"""What is around a version: its application, the stages, which versions stand there, and what failed in production.

- Each is kept as the registry last told; an older word that arrives late is no news.
- Moves are written once, by promotion and attempt.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from contracts.circumstances import IncidentFacts, StagePassage
from contracts.registry.v1.events import IncidentOpened, IncidentResolved, LifecycleApplied, VersionMoved
from contracts.registry.v1.views import StageView
from contracts.vocabulary import PromotionKind
from services.gate.domain.application import ApplicationContext
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "applications": (Index((("project", 1),)),),
    "lifecycles": (),
    "moves": (Index((("version", 1), ("at", 1), ("_id", 1))),),
    "standings": (Index((("application", 1),)),),
    "incidents": (Index((("application", 1), ("opened_at", 1))),),
}


class Surroundings:
    """Facts of the registry about what is around versions."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._applications = unit.collection("applications")
        self._lifecycles = unit.collection("lifecycles")
        self._moves = unit.collection("moves")
        self._standings = unit.collection("standings")
        self._incidents = unit.collection("incidents")

    async def context(self, project: str, application: str) -> ApplicationContext | None:
        """The business context in force; None when nothing was heard of the application."""
        found = await self._applications.get(f"{project}/{application}")
        return ApplicationContext.model_validate_json(found["context"]) if found else None

    async def contexts(self, projects: Sequence[str]) -> AsyncIterator[ApplicationContext]:
        """The business contexts of all applications of these projects; of every one for `*`."""
        where: Document = {} if "*" in projects else {"project": {"$in": list(projects)}}
        async for found in self._applications.stream(where):
            yield ApplicationContext.model_validate_json(found["context"])

    async def put_context(self, context: ApplicationContext) -> None:
        """Put a business context in force."""
        key = f"{context.project}/{context.application}"
        # Labels are named by people: as text, no name can be mistaken for an operator or a path.
        document: Document = {"project": context.project, "context": context.model_dump_json()}
        await self._applications.put({"_id": key, **document})

    async def apply_lifecycle(self, event: LifecycleApplied) -> bool:
        """Keep the stages of a lifecycle; whether they were news."""
        key = f"{event.project}/{event.lifecycle}"
        known = await self._lifecycles.get(key)
        if known and known["revision"] >= event.revision:
            return False
        stages = [stage.model_dump_json() for stage in event.stages]
        await self._lifecycles.put({"_id": key, "revision": event.revision, "stages": stages})
        return True

    async def stages(self, project: str, lifecycle: str) -> tuple[StageView, ...]:
        """The stages of a lifecycle in order; none before it was heard of."""
        found = await self._lifecycles.get(f"{project}/{lifecycle}")
        return tuple(StageView.model_validate_json(text) for text in found["stages"]) if found else ()

    async def moved(self, event: VersionMoved) -> None:
        """Keep that a version passed the gates of a stage, and which stages it stands in by that, or no longer."""
        application = f"{event.project}/{event.application}"
        passage = StagePassage(
            kind=event.kind,
            from_stage=event.from_stage,
            to_stage=event.to_stage,
            release=event.release,
            at=event.at,
            promotion_id=event.promotion_id,
            waivers=event.waivers,
        )
        await self._moves.put(
            {
                "_id": f"{event.promotion_id}|{event.attempt}",
                "version": f"{application}/{event.version}",
                "at": event.at,
                "passage": passage.model_dump_json(),
            }
        )
        if event.kind is not PromotionKind.RECERTIFY:
            await self._stands(application, event.to_stage, event.version, event.at)
        for stage in event.left:
            await self._left(application, stage, event.version, event.at)

    async def _stands(self, application: str, stage: str, version: str, at: datetime) -> None:
        known = await self._standings.get(f"{application}/{stage}")
        if known is None or known["since"] <= at:
            await self._put_standing(application, stage, version, at)

    async def _left(self, application: str, stage: str, version: str, at: datetime) -> None:
        known = await self._standings.get(f"{application}/{stage}")
        # Kept as an empty place, so that word of its entry that arrives late finds that it has left since.
        if known is None or (known["version"] == version and known["since"] <= at):
            await self._put_standing(application, stage, None, at)

    async def _put_standing(self, application: str, stage: str, version: str | None, since: datetime) -> None:
        document = {"application": application, "stage": stage, "version": version, "since": since}
        await self._standings.put({"_id": f"{application}/{stage}", **document})

    async def passed(self, version: str) -> tuple[StagePassage, ...]:
        """The stages that `project/application/version` has entered, oldest first."""
        found = self._moves.stream({"version": version}, sort=(("at", 1), ("_id", 1)))
        return tuple([StagePassage.model_validate_json(one["passage"]) async for one in found])

    async def current(self, application: str) -> dict[str, str]:
        """Which version of `project/application` stands in each stage."""
        found = self._standings.stream({"application": application})
        return {one["stage"]: one["version"] async for one in found if one["version"]}

    async def incident_opened(self, event: IncidentOpened) -> None:
        """Keep that something began to fail."""
        await self._incident(event, {"opened_at": event.at, "failing": event.version})

    async def incident_resolved(self, event: IncidentResolved) -> None:
        """Keep that it works again; the word of its beginning may still come."""
        await self._incident(event, {"resolved_at": event.at})

    async def incidents(self, application: str, version: str) -> tuple[IncidentFacts, ...]:
        """What failed in `project/application` and was, or may have been, this version; by time, then id."""
        where: Document = {"application": application, "opened_at": {"$exists": True}}
        found = self._incidents.stream(where, sort=(("opened_at", 1), ("_id", 1)))
        return tuple(
            [
                IncidentFacts(
                    incident_id=one["incident_id"],
                    version=one["failing"],
                    opened_at=one["opened_at"],
                    resolved_at=one.get("resolved_at"),
                )
                async for one in found
                if one["failing"] in (None, version)
            ]
        )

    async def _incident(
        self, event: IncidentOpened | IncidentResolved, change: dict[str, str | datetime | None]
    ) -> None:
        application = f"{event.project}/{event.application}"
        known = {"application": application, "incident_id": event.incident_id}
        key = {"_id": f"{application}/{event.incident_id}"}
        await self._incidents.change(key, {"$set": {**known, **change}}, upsert=True)
