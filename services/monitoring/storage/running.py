"""What runs where, what stands in the stages, and the drifts that are there now.

`running`   {_id: key of the fact, project, application, place, means, removed, fact}: the latest of each service
`ran`       {_id: "<project>/<application>|<version or digest>"}: what any source has ever said to run
`currents`  {_id: "<project>/<application>/<stage>", project, application, stage, version, release, at}
`stages`    {_id: "<project>/<lifecycle>", project, stages: {name: whether it is a release stage}, revision}
`drifts`    {_id: "<project>/<application>|<key>", project, application, drift, since}

Times that are compared are texts: MongoDB would cut them to milliseconds, and then two would be the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from contracts.vocabulary import utc
from services.monitoring.domain.drift import Drift, DriftKind, Fact, Source, told
from shared.mongo import Collection, Document, Index

RUNNING, RAN, CURRENTS, STAGES, DRIFTS = "running", "ran", "currents", "stages", "drifts"
INDEXES: dict[str, tuple[Index, ...]] = {
    RUNNING: (
        Index((("project", 1), ("application", 1), ("place", 1))),
        Index((("means", 1),)),
    ),
    RAN: (),
    CURRENTS: (Index((("project", 1), ("application", 1))), Index((("release", 1),))),
    STAGES: (Index((("project", 1),)),),
    DRIFTS: (Index((("project", 1), ("_id", 1))), Index((("project", 1), ("application", 1), ("_id", 1)))),
}
_MOST_SERVICES = 2_000
"""Services of one application, in all environments."""


class RunningRepository:
    """What sources said of services."""

    def __init__(self, running: Collection, ran: Collection) -> None:
        self._running = running
        self._ran = ran

    async def tell(self, fact: Fact) -> None:
        """Keep a fact as far as nothing later is known; that it ran is kept in any case."""
        known = await self.of(fact.project, fact.application)
        kept = {one.key: one for one in told(known, fact)}
        for one in known:
            if one.key not in kept:
                await self._running.remove({"_id": one.key})
        if kept.get(fact.key) == fact:
            await self._running.put(_to_document(fact))
        if not fact.removed:
            for name in _meant(fact):
                await self._ran.put({"_id": name})

    async def adopt(self, project: str, application: str, digests: Iterable[str]) -> bool:
        """Give the facts about these digests that belong to no application to this one; whether there were any."""
        orphans = await self._running.every({"means": {"$in": [meaning(project, "", one) for one in digests]}})
        for row in orphans:
            await self._running.remove({"_id": row["_id"]})
            await self.tell(from_document(row, application=application))
        return bool(orphans)

    async def of(self, project: str, application: str) -> list[Fact]:
        """The latest fact of each service of an application; for no application, at most as many."""
        return (await self.of_each([(project, application)]))[project, application]

    async def of_each(self, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[Fact]]:
        """As `of`, for several applications; at least one."""
        wanted: dict[tuple[str, str], list[Fact]] = {name: [] for name in names}
        found = await self._running.find(
            _any_of(wanted), sort=(("project", 1), *_BY_PLACE), limit=_MOST_SERVICES * len(wanted)
        )
        for row in found:
            wanted[row["project"], row["application"]].append(from_document(row))
        return {name: facts[:_MOST_SERVICES] for name, facts in wanted.items()}

    async def applications(self, project: str) -> list[str]:
        """The applications of a project of which anything is known, sorted."""
        found = [""]
        while row := await self._running.find_one(
            {"project": project, "application": {"$gt": found[-1]}}, sort=(("application", 1),)
        ):
            found.append(row["application"])
        return found[1:]

    async def count(self, meanings: Iterable[str]) -> int:
        """How many services run one of these (`meaning`)."""
        return await self._running.count({"means": {"$in": list(meanings)}, "removed": False})

    async def among(self, meanings: Iterable[str]) -> set[str]:
        """Which of these (`meaning`) some service runs."""
        wanted = set(meanings)
        where = {"means": {"$in": sorted(wanted)}, "removed": False}
        found = await self._running.every(where, only={"means": 1}) if wanted else []
        return wanted & {name for row in found for name in row["means"]}

    async def page(
        self, project: str, application: str | None, *, after: str | None, limit: int
    ) -> tuple[list[Fact], str | None]:
        """One page by application and place, and what to pass as `after` for the next; None at the end."""
        where: Document = {"project": project, "application": application or {"$gt": ""}}
        if after is not None:
            owner, _, place = after.partition("|")
            inside = {"application": application or owner, "place": {"$gt": place}}
            past = [inside] if application else [inside, {"application": {"$gt": owner}}]
            where = {"project": project, "$or": past}
        found = await self._running.find(where | {"removed": False}, sort=_BY_PLACE, limit=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        facts = [from_document(row) for row in found[:limit]]
        return facts, f"{last['application']}|{last['place']}" if last else None

    async def ever(self, project: str, application: str, names: Iterable[str]) -> bool:
        """Whether any source has ever said that one of these ran."""
        keys = [meaning(project, application, name) for name in names]
        return await self._ran.count({"_id": {"$in": keys}}, most=1) > 0


class StandingRepository:
    """What stands in the stages, as the registry says."""

    def __init__(self, currents: Collection, stages: Collection) -> None:
        self._currents = currents
        self._stages = stages

    async def stands(self, project: str, application: str, stage: str, version: str | None, at: datetime) -> bool:
        """Keep which version stands in a stage, unless something later is known; whether it is kept."""
        key, moment = f"{project}/{application}/{stage}", utc(at)
        known = await self._currents.get(key)
        if known is not None and known["at"] > moment:
            return False
        about = {"project": project, "application": application, "stage": stage}
        said = about | {"version": version, "release": meaning(project, application, version or ""), "at": moment}
        await self._currents.put({"_id": key, **said})
        return True

    async def of(self, project: str, application: str) -> dict[str, str | None]:
        """The version that stands in each stage that ever had one."""
        return (await self.of_each([(project, application)]))[project, application]

    async def of_each(self, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], dict[str, str | None]]:
        """As `of`, for several applications; at least one."""
        wanted: dict[tuple[str, str], dict[str, str | None]] = {name: {} for name in names}
        for row in await self._currents.every(_any_of(wanted)):
            wanted[row["project"], row["application"]][row["stage"]] = row["version"]
        return wanted

    async def count(self, meanings: Iterable[str]) -> int:
        """How many of these versions (`meaning`) stand in some stage."""
        found = await self._currents.every({"release": {"$in": list(meanings)}}, only={"release": 1})
        return len({row["release"] for row in found})

    async def defined(self, project: str, lifecycle: str, stages: dict[str, bool], revision: int) -> bool:
        """Keep the stages of a lifecycle, unless a newer revision is known; whether that changes anything."""
        key = f"{project}/{lifecycle}"
        known = await self._stages.get(key)
        if known is not None and known["revision"] >= revision:
            return False
        await self._stages.put({"_id": key, "project": project, "stages": stages, "revision": revision})
        return known is None or known["stages"] != stages

    async def stages(self, project: str) -> dict[str, bool]:
        """All stages of a project, and whether each is a release stage in any of its lifecycles."""
        found: dict[str, bool] = {}
        for row in await self._stages.every({"project": project}):
            for name, release in row["stages"].items():
                found[name] = release or found.get(name, False)
        return found


class DriftRepository:
    """The differences that were found and are not gone."""

    def __init__(self, drifts: Collection) -> None:
        self._drifts = drifts

    async def of(self, project: str, application: str) -> dict[str, tuple[Drift, datetime]]:
        """All of an application by their keys, each with when it was found."""
        where = {"project": project, "application": application}
        return {one.key: (one, row["since"]) for row in await self._drifts.every(where) for one in [_drift(row)]}

    async def put(self, project: str, application: str, drift: Drift, since: datetime) -> None:
        """It is there."""
        document: Document = {"project": project, "application": application, "drift": asdict(drift), "since": since}
        document["drift"]["kind"] = drift.kind.value
        await self._drifts.put({"_id": f"{project}/{application}|{drift.key}", **document})

    async def gone(self, project: str, application: str, drift: Drift) -> None:
        """It is there no more."""
        await self._drifts.remove({"_id": f"{project}/{application}|{drift.key}"})

    async def count(self, project: str, application: str | None, most: int) -> int:
        """How many there are; counting ends at `most`."""
        return await self._drifts.count(_within(project, application), most=most)

    async def page(
        self, project: str, application: str | None, *, after: str | None, limit: int
    ) -> tuple[list[tuple[str, Drift, datetime]], str | None]:
        """One page, each with its application; and what to pass as `after` for the next; None at the end."""
        where = _within(project, application) | ({"_id": {"$gt": after}} if after is not None else {})
        found = await self._drifts.find(where, limit=limit + 1)
        page = [(row["application"], _drift(row), row["since"]) for row in found[:limit]]
        return page, found[limit - 1]["_id"] if len(found) > limit else None


_BY_PLACE = (("application", 1), ("place", 1))


def _any_of(names: Iterable[tuple[str, str]]) -> Document:
    """These applications; at least one."""
    return {"$or": [{"project": project, "application": application} for project, application in names]}


def _within(project: str, application: str | None) -> Document:
    return {"project": project} | ({"application": application} if application is not None else {})


def meaning(project: str, application: str, name: str) -> str:
    """What a service is found by: a version of an application, or a digest that belongs to it."""
    return f"{project}/{application}|{name}"


def _to_document(fact: Fact) -> Document:
    said = asdict(fact) | {"digests": list(fact.digests), "source": fact.source.value, "at": utc(fact.at)}
    return {
        "_id": fact.key,
        "project": fact.project,
        "application": fact.application,
        "place": json.dumps([fact.environment, fact.service]),
        "means": _meant(fact),
        "removed": fact.removed,
        "fact": said,
    }


def from_document(row: Document, *, application: str | None = None) -> Fact:
    """The fact that a document of `running` holds, or the same of another application."""
    said = row["fact"] | ({"application": application} if application is not None else {})
    return Fact(
        **said
        | {
            "digests": tuple(said["digests"]),
            "source": Source(said["source"]),
            "at": datetime.fromisoformat(said["at"]),
        }
    )


def _drift(row: Document) -> Drift:
    return Drift(**row["drift"] | {"kind": DriftKind(row["drift"]["kind"])})


def _meant(fact: Fact) -> list[str]:
    return [meaning(fact.project, fact.application, name) for name in fact.names]
