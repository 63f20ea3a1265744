"""Which evidence there is for what stands in stages, which waivers are open, and how soon alerts are closed.

`evidence_seen`   {_id: "<project>|<evidence id>", project, subjects, kind, standing, revision, made_at}
`stage_standings` {_id: "<project>/<application>/<stage>", project, application, stage, version, digest, since}
`waiver_debts`    {_id: waiver id, project, application, rank, granted_at, expires_at, open}
`alerts`          read only: {project, application, severity, opened_at, closed_at, due}
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection as Members
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.vocabulary import Digest
from services.monitoring.domain.coverage import AGES, ENDS, KindSeen, Remediation, Stood
from services.monitoring.domain.delivery import Window
from shared.mongo import Collection, Document, Index

EVIDENCE, STANDINGS, WAIVERS, ALERTS = "evidence_seen", "stage_standings", "waiver_debts", "alerts"
_OPEN = {"open": True}
INDEXES: dict[str, tuple[Index, ...]] = {
    EVIDENCE: (Index((("project", 1), ("subjects", 1))),),
    STANDINGS: (Index((("project", 1), ("_id", 1))),),
    WAIVERS: (
        # What is counted is all in them, `open` too: so no document is read.
        Index((("open", 1), ("project", 1), ("application", 1), ("granted_at", 1), ("expires_at", 1)), where=_OPEN),
        Index((("open", 1), ("project", 1), ("granted_at", 1), ("expires_at", 1)), where=_OPEN),
        Index((("open", 1), ("project", 1), ("expires_at", 1)), where=_OPEN),
    ),
}
MOST_WAIVERS = 10_000
"""Counting open waivers of one age ends there."""
_SUBJECTS_AT_ONCE = 2_000
_MOST_GROUPS = 1_000_000
"""More than any part has: nothing may be left out of a sum."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A piece of evidence, as far as it matters here."""

    evidence_id: str
    subjects: tuple[Digest, ...]
    kind: str
    standing: str
    revision: int
    made_at: datetime


class CoverageRepository:
    """Evidence by what it is about, and what stands where."""

    def __init__(self, evidence: Collection, standings: Collection, alerts: Collection) -> None:
        self._evidence = evidence
        self._standings = standings
        self._alerts = alerts

    async def seen(self, project: str, one: Seen) -> None:
        """Keep a piece of evidence, unless a newer judgement of it is known."""
        key = f"{project}|{one.evidence_id}"
        known = await self._evidence.get(key)
        if known is None or known["revision"] < one.revision:
            await self._evidence.put(
                {
                    "_id": key,
                    "project": project,
                    "subjects": list(one.subjects),
                    "kind": one.kind,
                    "standing": one.standing,
                    "revision": one.revision,
                    "made_at": one.made_at,
                }
            )

    async def entered(self, project: str, application: str, stood: Stood) -> None:
        """A version took its place in a stage, or the stage was left (no version); the newest word counts."""
        key = f"{project}/{application}/{stood.stage}"
        known = await self._standings.get(key)
        if known is None or known["since"] <= stood.since:
            await self._standings.put(
                {
                    "_id": key,
                    "project": project,
                    "application": application,
                    "stage": stood.stage,
                    "version": stood.version,
                    "digest": stood.digest,
                    "since": stood.since,
                }
            )

    async def left(self, project: str, application: str, stage: str, version: str, at: datetime) -> None:
        """A version was taken back from a stage: nothing stands there any more, unless another one does."""
        known = await self._standings.get(f"{project}/{application}/{stage}")
        if known is None or known["version"] == version:
            await self.entered(project, application, Stood(stage, None, None, at))

    async def standing(
        self, project: str, application: str | None, *, after: str | None, limit: int
    ) -> tuple[list[Stood], str | None]:
        """One page of what stands, by application and stage, and what to pass as `after` for the next."""
        prefix = f"{project}/{application}/" if application else f"{project}/"
        begins = max(prefix, f"{project}/{after}") if after else prefix
        where: Document = {"project": project, "_id": {"$gt": begins, "$lt": f"{prefix}\uffff"}}
        found = await self._standings.find(where, limit=limit + 1)
        page = [
            Stood(one["stage"], one["version"], one["digest"], one["since"], one["application"])
            for one in found[:limit]
        ]
        last = found[limit - 1]["_id"].removeprefix(f"{project}/") if len(found) > limit else None
        return [one for one in page if one.version], last

    async def kinds_of_each(self, project: str, wanted: Sequence[Members[Digest]]) -> tuple[tuple[KindSeen, ...], ...]:
        """The evidence on each of these groups of subjects, by kind.

        What is about the same ones of all subjects is counted together, so that many groups take one question.
        """
        found: list[tuple[KindSeen, ...]] = []
        for part in _parts(wanted):
            subjects = sorted({subject for group in part for subject in group})
            counted = {
                "_id": {"kind": "$kind", "about": {"$setIntersection": ["$subjects", subjects]}},
                "count": {"$sum": 1},
                "verified": {"$sum": {"$cond": [{"$eq": ["$standing", "verified"]}, 1, 0]}},
                "newest": {"$max": {"$cond": [{"$eq": ["$standing", "verified"]}, "$made_at", None]}},
            }
            about = {"project": project, "subjects": {"$in": subjects}}
            rows = await self._evidence.aggregate([{"$match": about}, {"$group": counted}], limit=_MOST_GROUPS)
            found += [_counted_for(group, rows) for group in part]
        return tuple(found)

    async def remediation(self, where: Document, window: Window) -> tuple[Remediation, ...]:
        """How soon the alerts were closed that ended in a window, by severity; empty where nobody keeps alerts."""
        lasted = {"$divide": [{"$subtract": ["$closed_at", "$opened_at"]}, 1000]}
        in_time = {"$cond": [{"$lte": ["$closed_at", "$due"]}, 1, 0]}
        pipeline: list[Document] = [
            {"$match": {**where, "closed_at": {"$gte": window.since, "$lt": window.until}}},
            {
                "$group": {
                    "_id": "$severity",
                    "count": {"$sum": 1},
                    "mean": {"$avg": lasted},
                    "in_time": {"$sum": in_time},
                }
            },
            {"$sort": {"_id": 1}},
        ]
        found = await self._alerts.aggregate(pipeline)
        return tuple(Remediation(str(one["_id"]), one["count"], one["mean"], one["in_time"]) for one in found)


def _parts(wanted: Sequence[Members[Digest]]) -> Iterable[Sequence[Members[Digest]]]:
    """Groups in their order, with so many subjects in each part, or a single group that has more."""
    begin = subjects = 0
    for place, group in enumerate(wanted):
        if place > begin and subjects + len(group) > _SUBJECTS_AT_ONCE:
            yield wanted[begin:place]
            begin, subjects = place, 0
        subjects += len(group)
    if begin < len(wanted):
        yield wanted[begin:]


def _counted_for(group: Members[Digest], rows: Iterable[Document]) -> tuple[KindSeen, ...]:
    """What was counted about any subject of the group, by kind."""
    mine, kinds = set(group), dict[str, KindSeen]()
    for row in rows:
        if mine.isdisjoint(row["_id"]["about"]):
            continue
        kind = row["_id"]["kind"]
        known = kinds.get(kind, KindSeen(kind, 0, 0, None))
        newest = max((one for one in (known.newest, row["newest"]) if one), default=None)
        kinds[kind] = KindSeen(kind, known.count + row["count"], known.verified + row["verified"], newest)
    return tuple(kinds[kind] for kind in sorted(kinds))


class WaiverRepository:
    """Waivers by how long they have been open, and how long they still are."""

    def __init__(self, waivers: Collection) -> None:
        self._waivers = waivers

    async def told(self, waiver: str, facts: Document, rank: int) -> None:
        """Keep what was said last of it, in the order of a waiver's life: asked for, decided, ended."""
        known = await self._waivers.get(waiver)
        if known is None or known["rank"] < rank:
            granted_at = facts.get("granted_at") or (known or {}).get("granted_at")
            await self._waivers.put({"_id": waiver, **facts, "granted_at": granted_at, "rank": rank})

    async def debt(self, where: Document, now: datetime) -> tuple[list[int], list[int]]:
        """How many open waivers are how old (`AGES`), and how many end how soon (`ENDS`)."""
        ages = [{"$gt": now - upto, "$lte": now - since} for since, upto in AGES]
        ends = [{"$gt": now + since, "$lte": now + upto} for since, upto in ENDS]
        alive = {**where, **_OPEN, "expires_at": {"$gt": now}}
        by = [{"granted_at": one} for one in ages] + [{"expires_at": one} for one in ends]
        found = await asyncio.gather(*(self._waivers.count({**alive, **one}, most=MOST_WAIVERS) for one in by))
        return found[: len(ages)], found[len(ages) :]
