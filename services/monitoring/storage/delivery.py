"""The facts behind the delivery metrics.

`deployments`  {_id: promotion id, project, application, version, kind, committed_at, at}
`incidents`    {_id: "<project>|<application>|<incident id>", project, application, version, opened_at, resolved_at}
`episodes`     {_id: "<release>@<opened at>", project, application, version, opened_at, resolved_at, uncounted}
`promotions`   {_id: promotion id, project, application, version, kind, to_stage, state, requested_at, at}

Episodes are times at risk, `uncounted` while no sum has them. Two messages make one incident, in any order: what is not
known yet is absent, and the earliest opening and the latest resolution count.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts.vocabulary import PromotionState, utc
from services.monitoring.domain.delivery import Deployment, Incident
from services.monitoring.domain.release import Release
from shared.mongo import Collection, Database, Document, Index

DEPLOYMENTS, INCIDENTS, EPISODES, PROMOTIONS = "deployments", "incidents", "episodes", "promotions"
_OF_PROJECT = (("project", 1), ("application", 1))
INDEXES: dict[str, tuple[Index, ...]] = {
    DEPLOYMENTS: (
        Index((("project", 1), ("at", 1), ("_id", 1))),
        Index((("at", 1), ("_id", 1))),
        Index((*_OF_PROJECT, ("at", 1), ("_id", 1))),
        Index((*_OF_PROJECT, ("version", 1), ("at", 1), ("_id", 1))),
    ),
    INCIDENTS: (),
    EPISODES: (
        Index((*_OF_PROJECT, ("release", 1), ("opened_at", 1))),
        Index((("opened_at", 1),), where={"uncounted": True}),
    ),
    PROMOTIONS: (Index((*_OF_PROJECT, ("at", 1))),),
}


class DeliveryRepository:
    """Recorded facts, never changed but by a later fact about the same thing."""

    def __init__(self, deployments: Collection, incidents: Collection, episodes: Collection) -> None:
        self._deployments = deployments
        self._incidents = incidents
        self._episodes = episodes

    async def deployed(self, project: str, deployment: Deployment) -> bool:
        """A version began to stand in a release stage; whether that is news."""
        if await self._deployments.get(deployment.id) is not None:
            return False
        await self._deployments.add(
            {
                "_id": deployment.id,
                "project": project,
                "application": deployment.application,
                "version": deployment.version,
                "kind": deployment.kind.value,
                "committed_at": deployment.committed_at,
                "at": deployment.at,
            }
        )
        return True

    async def opened(self, project: str, application: str, incident: str, version: str | None, at: datetime) -> None:
        """An incident was reported."""
        named = {"version": version} if version else {}
        await self._incident(project, application, incident, {"$min": {"opened_at": at}}, named)

    async def resolved(self, project: str, application: str, incident: str, at: datetime) -> None:
        """An incident is over."""
        await self._incident(project, application, incident, {"$max": {"resolved_at": at}}, {})

    async def _incident(self, project: str, application: str, incident: str, change: Document, named: Document) -> None:
        said = {"project": project, "application": application, "incident": incident, **named}
        await self._incidents.change(
            {"_id": f"{project}|{application}|{incident}"}, {"$set": said, **change}, upsert=True
        )

    async def at_risk(self, releases: Iterable[Release], at: datetime) -> None:
        """Releases began to be at risk; what that means for the sums is still to be counted."""
        await self._episodes.put_all(
            [
                {
                    "_id": f"{release.key}@{utc(at)}",
                    "release": release.key,
                    "project": release.project,
                    "application": release.application,
                    "version": release.version,
                    "opened_at": at,
                    "uncounted": True,
                }
                for release in releases
            ]
        )

    async def counted(self, release: Release, opened: Iterable[datetime]) -> None:
        """These times at risk are in the sums."""
        keys = [f"{release.key}@{utc(at)}" for at in opened]
        await self._episodes.update({"_id": {"$in": keys}, "uncounted": True}, {"$unset": {"uncounted": True}})

    async def safe(self, release: Release, at: datetime) -> list[datetime]:
        """A release is not at risk any more; when each time at risk had begun that ended with this."""
        # The project and application lead: they are what the index has.
        where = {"project": release.project, "application": release.application, "release": release.key}
        opened = [one["opened_at"] for one in await self._episodes.every({**where, "resolved_at": None})]
        await self._episodes.update({**where, "resolved_at": None}, {"$set": {"resolved_at": at}})
        return opened

    async def episodes(self, release: Release, opened: Iterable[datetime]) -> list[Incident]:
        """The times at risk of a release that began at these moments."""
        keys = [f"{release.key}@{utc(at)}" for at in opened]
        return [_incident(one) for one in await self._episodes.every({"_id": {"$in": keys}})]

    async def incident(self, project: str, application: str, name: str) -> Incident | None:
        """What is known of an incident; None while nobody has said when it began."""
        found = await self._incidents.get(f"{project}|{application}|{name}")
        return _incident(found) if found and found.get("opened_at") else None


async def uncounted(database: Database, limit: int) -> list[tuple[str, datetime]]:
    """Times at risk that no sum has yet: the release and when it began, the oldest first."""
    found = await database.collection(EPISODES).find({"uncounted": True}, sort=(("opened_at", 1),), limit=limit)
    return [(one["release"], one["opened_at"]) for one in found]


class PromotionRepository:
    """How promotions ended."""

    def __init__(self, promotions: Collection) -> None:
        self._promotions = promotions

    async def ended(self, promotion_id: str, state: PromotionState, facts: Document) -> None:
        """A promotion came to its end; `facts` as the module says."""
        await self._promotions.put({"_id": promotion_id, "state": state.value, **facts})


def _incident(found: Document) -> Incident:
    resolved_at: datetime | None = found.get("resolved_at")
    # Opening and resolution come from outside systems whose clocks may differ: over before it began is over at once.
    ended_at = max(resolved_at, found["opened_at"]) if resolved_at else None
    return Incident(
        id=found.get("incident") or found["_id"],
        application=found["application"],
        opened_at=found["opened_at"],
        resolved_at=ended_at,
        version=found.get("version"),
    )
