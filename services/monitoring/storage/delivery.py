"""The facts behind the delivery metrics.

`deployments`  {_id: promotion id, project, application, version, kind, committed_at, at}
`incidents`    {_id: "<project>|<application>|<incident id>", project, application, version, opened_at, resolved_at}
`episodes`     {_id: "<release>@<opened at>", project, application, version, opened_at, resolved_at}: times at risk
`promotions`   {_id: promotion id, project, application, version, kind, to_stage, state, requested_at, at}

Two messages make one incident, in any order: what is not known yet is absent, and the earliest opening and the latest
resolution count.
"""

from __future__ import annotations

from datetime import datetime

from contracts.vocabulary import PromotionKind, PromotionState, utc
from services.monitoring.domain.delivery import Deployment, Incident
from services.monitoring.domain.release import Release
from shared.mongo import Collection, Document, Index

DEPLOYMENTS, INCIDENTS, EPISODES, PROMOTIONS = "deployments", "incidents", "episodes", "promotions"
_OF_PROJECT = (("project", 1), ("application", 1))
INDEXES: dict[str, tuple[Index, ...]] = {
    DEPLOYMENTS: (Index((("project", 1), ("at", 1))), Index((*_OF_PROJECT, ("at", 1)))),
    INCIDENTS: (Index((("project", 1), ("opened_at", 1))), Index((*_OF_PROJECT, ("opened_at", 1)))),
    EPISODES: (Index((("project", 1), ("opened_at", 1))), Index((*_OF_PROJECT, ("opened_at", 1)))),
    PROMOTIONS: (Index((*_OF_PROJECT, ("at", 1))),),
}


class DeliveryRepository:
    """Recorded facts, never changed but by a later fact about the same thing."""

    def __init__(self, deployments: Collection, incidents: Collection, episodes: Collection) -> None:
        self._deployments = deployments
        self._incidents = incidents
        self._episodes = episodes

    async def deployed(self, project: str, deployment: Deployment) -> None:
        """A version began to stand in a release stage."""
        await self._deployments.put(
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

    async def at_risk(self, release: Release, at: datetime) -> None:
        """A release began to be at risk."""
        await self._episodes.put(
            {
                "_id": f"{release.key}@{utc(at)}",
                "release": release.key,
                "project": release.project,
                "application": release.application,
                "version": release.version,
                "opened_at": at,
            }
        )

    async def safe(self, release: Release, at: datetime) -> None:
        """A release is not at risk any more."""
        # The project and application lead: they are what the index has.
        where = {"project": release.project, "application": release.application, "release": release.key}
        await self._episodes.update({**where, "resolved_at": None}, {"$set": {"resolved_at": at}})

    async def deployments(self, where: Document, since: datetime) -> list[Deployment]:
        """Deployments from a moment on."""
        found = self._deployments.stream({**where, "at": {"$gte": since}})
        return [
            Deployment(
                id=one["_id"],
                application=one["application"],
                version=one["version"],
                at=one["at"],
                kind=PromotionKind(one["kind"]),
                committed_at=one["committed_at"],
            )
            async for one in found
        ]

    async def incidents(self, where: Document, since: datetime) -> list[Incident]:
        """Incidents and times at risk that began from a moment on."""
        found: list[Incident] = []
        for collection in (self._incidents, self._episodes):
            found += [_incident(one) async for one in collection.stream({**where, "opened_at": {"$gte": since}})]
        return found


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
