"""Which version is current in each stage of an application, and the stays that its pointers are made of.

A stage's history is not read: only the newest good stays, the quarantined ones, and those of whoever is about to move.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from services.registry.domain.standing import Condition, Standing, Stay
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "standings": (Index((("application", 1),)),),
    "stays": (Index((("standing", 1), ("condition", 1), ("place", -1))),),
}
_NEWEST_GOOD = 3
"""One move takes at most two of them out: the version that moves, and the one that it replaces."""
_QUARANTINED = 100
"""So many of the newest are shown. Every one is kept out, shown or not."""


class Standings:
    """The pointers of stages."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._standings = unit.collection("standings")
        self._stays = unit.collection("stays")

    async def get(self, project: str, application: str, stage: str, *versions: str) -> Standing:
        """The pointers of a stage, with the stays of `versions`. A stage that nothing entered has none."""
        standing = Standing(project, application, stage)
        return await self._standing(standing, await self._standings.get(_key(standing)) or {}, versions)

    async def of(self, project: str, application: str) -> dict[str, Standing]:
        """The pointers of every stage of an application that something entered, by stage."""
        found = await self._standings.find({"application": f"{project}/{application}"})
        stages = {str(one["_id"]).rsplit("/", 1)[1]: one for one in found}
        return {
            stage: await self._standing(Standing(project, application, stage), one) for stage, one in stages.items()
        }

    async def standing_in(self, project: str, application: str, version: str) -> set[str]:
        """The stages whose current version it is."""
        found = await self._standings.find({"application": f"{project}/{application}", "version": version})
        return {str(one["_id"]).rsplit("/", 1)[1] for one in found}

    async def quarantined_in(self, project: str, application: str, version: str, stages: Iterable[str]) -> set[str]:
        """Those of `stages` that it may not enter until it is certified there again."""
        keys = {f"{_key(Standing(project, application, stage))}/{version}": stage for stage in stages}
        found = await self._stays.find({"_id": {"$in": sorted(keys)}, "condition": Condition.QUARANTINED.value})
        return {keys[one["_id"]] for one in found}

    async def save(self, standing: Standing, before: Standing) -> None:
        """Keep the pointers of a stage; `before` is what was read of it."""
        key = _key(standing)
        await self._standings.put(
            {
                "_id": key,
                "application": f"{standing.project}/{standing.application}",
                "version": standing.current,
                "previous": standing.previous,
                "since": standing.since,
                "places": standing.places,
                "quarantines": bool(standing.quarantined),
            }
        )
        for stay in standing.stays.values():
            if stay != before.stays.get(stay.version):
                document = {**vars(stay), "condition": stay.condition.value}
                await self._stays.put({"_id": f"{key}/{stay.version}", "standing": key, **document})

    async def _standing(self, standing: Standing, kept: Document, versions: tuple[str, ...] = ()) -> Standing:
        stays: list[Document] = []
        key = _key(standing)
        if kept.get("places"):
            stays += await self._of(key, Condition.GOOD, _NEWEST_GOOD)
        if kept.get("quarantines"):
            stays += await self._of(key, Condition.QUARANTINED, _QUARANTINED)
        if versions:
            stays += await self._stays.find({"_id": {"$in": [f"{key}/{version}" for version in versions]}})
        return replace(
            standing,
            current=kept.get("version"),
            since=kept.get("since"),
            previous=kept.get("previous"),
            places=kept.get("places", 0),
            stays={one["version"]: _stay(one) for one in stays},
        )

    async def _of(self, key: str, condition: Condition, most: int) -> list[Document]:
        where = {"standing": key, "condition": condition.value}
        return await self._stays.find(where, sort=(("place", -1),), limit=most)


def _key(standing: Standing) -> str:
    return f"{standing.project}/{standing.application}/{standing.stage}"


def _stay(document: Document) -> Stay:
    return Stay(
        version=document["version"],
        place=document["place"],
        condition=Condition(document["condition"]),
        promotion_id=document["promotion_id"],
        reason=document["reason"],
        since=document["since"],
    )
