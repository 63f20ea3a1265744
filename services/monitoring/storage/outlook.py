"""The read side of risk: counts over releases and alerts, from their indexes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from contracts.vocabulary import utc
from services.monitoring.domain.buckets import Period
from services.monitoring.domain.exposure import Visible
from services.monitoring.domain.outlook import Tally
from services.monitoring.domain.release import Release
from services.monitoring.storage.alerts import OPEN_BY_DEADLINE
from services.monitoring.storage.releases import NOT_RISKY_FROM, REVOKED_FROM, from_document
from shared.mongo import Collection, Document

MOST_UNDECIDED = 1_000
_DAY = len("0|2026-12-07")
"""How much of an urgency says the trust and the day of the deadline."""
_GROUPS = 50_000


@dataclass(frozen=True, slots=True)
class Urgent:
    """Releases of one project that are due on one day."""

    project: str
    day: date | None
    """None for those that are revoked, and for those without a deadline."""
    revoked: bool
    overdue: bool
    count: int


class OutlookReader:
    """Questions about everything that stands against releases."""

    def __init__(self, releases: Collection, alerts: Collection, undecided: Collection) -> None:
        self._releases = releases
        self._alerts = alerts
        self._undecided = undecided

    async def urgent(self, visible: Visible, now: datetime) -> list[Urgent]:
        """How many releases that are at risk or revoked there are, by project and day."""
        place = {
            "project": "$project",
            "part": {"$substrBytes": ["$urgency", 0, _DAY]},
            "overdue": {"$lt": ["$urgency", f"0|{utc(now)}"]},
        }
        pipeline: list[Document] = [
            {"$match": _wanted(visible)},
            {"$project": {"_id": 0, "project": 1, "urgency": 1}},
            {"$group": {"_id": place, "count": {"$sum": 1}}},
        ]
        found = await self._releases.aggregate(pipeline, limit=_GROUPS)
        return [_urgent(one["_id"], one["count"]) for one in found]

    async def nearest(self, visible: Visible, limit: int) -> list[Release]:
        """The releases that want attention first."""
        found = await self._releases.find(_wanted(visible), sort=(("urgency", 1),), limit=limit)
        return [from_document(one) for one in found]

    async def open_alerts(self, where: Document) -> list[Tally]:
        """Alerts that are not closed, by severity and the day on which they are due."""
        key = {"at": {"$dateTrunc": {"date": "$due", "unit": "day"}}, "severity": "$severity"}
        pipeline: list[Document] = [
            {"$match": {**where, "active": True}},
            {"$project": {"_id": 0, **{name: 1 for name, _ in OPEN_BY_DEADLINE}}},
            {"$group": {"_id": key, "count": {"$sum": 1}}},
        ]
        return [_tally(one) for one in await self._alerts.aggregate(pipeline, limit=_GROUPS)]

    async def overdue(self, where: Document, now: datetime) -> int:
        """How many alerts are not closed and past their deadline."""
        return await self._alerts.count({**where, "active": True, "due": {"$lt": now}})

    async def opened(self, where: Document, since: datetime, by: Period) -> list[Tally]:
        """Alerts that opened, by period and severity."""
        return await self._grouped(where, "opened_at", since, by, {})

    async def closed(self, where: Document, since: datetime, by: Period) -> list[Tally]:
        """Alerts that closed, by period and severity."""
        return await self._grouped(where, "closed_at", since, by, {"met": {"$sum": {"$cond": ["$met", 1, 0]}}})

    async def undecided(self, scope: Sequence[str], limit: int) -> tuple[list[tuple[str, int]], int]:
        """The first releases of a project or application about which something is undecided; how many there are."""
        prefix = "/".join(scope)
        where = {"_id": {"$gt": f"{prefix}/", "$lt": f"{prefix}0"}}
        found = await self._undecided.find(where, limit=limit, only={"total": 1})
        count = len(found) if len(found) < limit else await self._undecided.count(where, most=MOST_UNDECIDED)
        return [(one["_id"], one["total"]) for one in found], count

    async def _grouped(self, where: Document, moment: str, since: datetime, by: Period, more: Document) -> list[Tally]:
        trunc = {"date": f"${moment}", "unit": by.value, "startOfWeek": "monday"}
        key = {"at": {"$dateTrunc": trunc}, "severity": "$severity"}
        pipeline: list[Document] = [
            {"$match": {**where, moment: {"$gte": since}}},
            {"$project": {"_id": 0, moment: 1, "severity": 1, **({"met": 1} if more else {})}},
            {"$group": {"_id": key, "count": {"$sum": 1}, **more}},
        ]
        return [_tally(one) for one in await self._alerts.aggregate(pipeline, limit=_GROUPS)]


def _wanted(visible: Visible) -> Document:
    risky: Document = {"urgency": {"$lt": NOT_RISKY_FROM}}
    if visible.everywhere:
        return risky
    parts: list[Document] = [{"project": {"$in": sorted(visible.projects)}}]
    parts += [
        {"project": project, "application": {"$in": sorted(names)}}
        for project, names in sorted(visible.applications.items())
    ]
    return {"$or": [{**part, **risky} for part in parts]}


def _urgent(key: dict[str, Any], count: int) -> Urgent:
    part = key["part"]
    day = part.partition("|")[2]
    dated = part < REVOKED_FROM and day[:1].isdigit()
    return Urgent(
        key["project"], date.fromisoformat(day) if dated else None, part >= REVOKED_FROM, key["overdue"], count
    )


def _tally(found: Document) -> Tally:
    key = found["_id"]
    return Tally(key["at"].replace(tzinfo=UTC), key["severity"], found["count"], found.get("met", 0))
