"""Deployments in line and the failures that belong to them, kept as `domain/linking.py` says.

`deployments`  also {incidents, fixes, rolled_back: {id, at}}
`faults`       {_id: "<project>|<application>|<kind>|<id>", fact, project, application, version, at, resolved_at,
               rollback, owner, owner_at, ended_at, fix}
`lines`        {_id: "<project>/<application>", project}: whoever changes the line of an application writes it first, so
               that no two changes overlook each other
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from contracts.vocabulary import PromotionKind
from services.monitoring.domain.delivery import Deployment, Window
from services.monitoring.domain.linking import Counted, Fault, Link, Near, Question, Which
from shared.mongo import Collection, Document, Index

FAULTS, LINES = "faults", "lines"
_LINE = (("project", 1), ("application", 1))
_UP, _DOWN = (("at", 1), ("_id", 1)), (("at", -1), ("_id", -1))
_BY_OWNER = (("owner_at", 1), ("_id", 1))
INDEXES: dict[str, tuple[Index, ...]] = {
    FAULTS: (
        Index((*_LINE, *_UP)),
        Index((*_LINE, ("version", 1), ("at", 1))),
        Index((("project", 1), *_UP)),
        Index(_UP),
        Index((*_LINE, *_BY_OWNER)),
        Index((("project", 1), *_BY_OWNER)),
        Index(_BY_OWNER),
    ),
    LINES: (Index((("project", 1),)),),
}
Known = tuple[str, Fault, Link]


class FailureRepository:
    """One application's line, and what is linked to it."""

    def __init__(self, deployments: Collection, faults: Collection, lines: Collection) -> None:
        self._deployments = deployments
        self._faults = faults
        self._lines = lines

    async def hold(self, project: str, application: str) -> None:
        """Collide with everybody who changes the line of this application."""
        key = {"_id": f"{project}/{application}"}
        await self._lines.change(key, {"$set": {"project": project}, "$inc": {"revision": 1}}, upsert=True)

    async def projects(self, most: int) -> list[str]:
        """The first so many projects that something was counted for, by name."""
        grouped: list[Document] = [{"$group": {"_id": "$project"}}, {"$sort": {"_id": 1}}, {"$limit": most}]
        return [str(one["_id"]) for one in await self._lines.aggregate(grouped)]

    async def answer(self, project: str, application: str, asked: Question) -> Deployment | None:
        """What the line says."""
        at, version = asked.at, asked.version
        where: Document = {"project": project, "application": application}
        named: Document = {} if version is None else {"version": version}
        other: Document = {} if version is None else {"version": {"$ne": version}}
        match asked.which:
            case Which.STANDING:
                where |= {"at": {"$lte": at}, **named}
            case Which.EARLIER:
                where |= {"at": {"$lt": at}, **other}
            case Which.LATER:
                where |= {"at": {"$gt": at}, **named}
            case Which.NEXT_OTHER:
                where |= {"at": {"$gt": at}, **other}
            case Which.BEFORE:
                where |= {"at": {"$lte": at}, "$or": [{"at": {"$lt": at}}, {"_id": {"$lt": asked.id}}]}
            case Which.AFTER:
                where |= {"at": {"$gte": at}, "$or": [{"at": {"$gt": at}}, {"_id": {"$gt": asked.id}}]}
        forward = asked.which in {Which.LATER, Which.NEXT_OTHER, Which.AFTER}
        found = await self._deployments.find_one(where, sort=_UP if forward else _DOWN)
        return deployment_of(found) if found else None

    async def near(self, project: str, deployment: Deployment, around: Near) -> list[Known]:
        """The faults that a new deployment can change, with their links."""
        line = {"project": project, "application": deployment.application}
        within = {"$gte": around.since, "$lt": around.until}
        named = {"$gte": deployment.at, "$lt": around.named_until}
        wanted: list[Document] = [
            {**line, "at": _given(within)},
            {**line, "version": deployment.version, "at": _given(named)},
        ]
        if around.rollback:
            wanted.append({"_id": rollback_key(project, deployment.application, around.rollback)})
        found = {one["_id"]: one for where in wanted for one in await self._faults.every(where)}
        return [(key, *_fault_of(one)) for key, one in sorted(found.items())]

    async def fault(self, key: str) -> tuple[Fault, Link] | None:
        """A fault that is known, with its link."""
        found = await self._faults.get(key)
        return _fault_of(found) if found else None

    async def keep(self, project: str, application: str, key: str, fault: Fault, link: Link) -> None:
        """Keep what a fault means now."""
        await self._faults.put(
            {
                "_id": key,
                "fact": fault.id,
                "project": project,
                "application": application,
                "version": fault.version,
                "at": fault.at,
                "resolved_at": fault.resolved_at,
                "rollback": fault.rollback,
                "owner": link.owner,
                "owner_at": link.owner_at,
                "ended_at": link.ended_at,
                "fix": link.fix,
            }
        )

    async def counted(self, ids: Iterable[str]) -> dict[str, Counted]:
        """Deployments with what is linked to them."""
        found = await self._deployments.every({"_id": {"$in": sorted(ids)}})
        return {one["_id"]: _counted_of(one) for one in found}

    async def count(self, counted: Counted) -> None:
        """Keep what is linked to a deployment now."""
        back = counted.rolled_back
        linked = {
            "incidents": counted.incidents,
            "fixes": counted.fixes,
            "rolled_back": {"id": back[0], "at": back[1]} if back else None,
        }
        await self._deployments.update({"_id": counted.deployment.id}, {"$set": linked})

    async def deployed(self, where: Document, window: Window, most: int) -> list[Counted]:
        """The first so many deployments of a window, oldest first."""
        within = {**where, "at": {"$gte": window.since, "$lt": window.until}}
        return [_counted_of(one) for one in await self._deployments.find(within, sort=_UP, limit=most)]

    async def failed(self, where: Document, window: Window, most: int) -> list[tuple[Fault, Link]]:
        """The first so many incidents and times at risk of a window that are somebody's failure, oldest first."""
        within = {**where, "at": {"$gte": window.since, "$lt": window.until}, "rollback": False}
        found = await self._faults.find({**within, "owner": {"$ne": None}}, sort=_UP, limit=most)
        return [_fault_of(one) for one in found]

    async def causes(self, where: Document, window: Window, most: int) -> list[str]:
        """What says that deployments of a window failed: the first so many ids, by the time of the deployment."""
        within = {**where, "owner_at": {"$gte": window.since, "$lt": window.until}}
        found = await self._faults.find(within, sort=_BY_OWNER, limit=most)
        return [str(one["fact"]) for one in found]


def rollback_key(project: str, application: str, deployment: str) -> str:
    """The key of the fault that a rollback is."""
    return f"{project}|{application}|rollback|{deployment}"


def deployment_of(found: Document) -> Deployment:
    """A deployment as it is kept."""
    return Deployment(
        id=found["_id"],
        application=found["application"],
        version=found["version"],
        at=found["at"],
        kind=PromotionKind(found["kind"]),
        committed_at=found["committed_at"],
    )


def _counted_of(found: Document) -> Counted:
    back = found.get("rolled_back")
    rolled_back = (back["id"], back["at"]) if back else None
    return Counted(deployment_of(found), found.get("incidents", 0), rolled_back, found.get("fixes", 0))


def _fault_of(found: Document) -> tuple[Fault, Link]:
    fault = Fault(found["fact"], found["at"], found["version"], found["resolved_at"], found["rollback"])
    return fault, Link(found["owner"], found["owner_at"], found["ended_at"], found["fix"])


def _given(limits: dict[str, datetime | None]) -> dict[str, Any]:
    # Whatever is a date, where there is no limit: a comparison with nothing would match nothing.
    return {"$type": "date"} | {name: limit for name, limit in limits.items() if limit is not None}
