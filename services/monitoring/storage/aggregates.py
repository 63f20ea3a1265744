"""The sums behind the metrics, by UTC day (`domain/buckets.py`).

`metric_days`  {_id: "<kind>|<scope>|<day>|<slice>", revision, whole: {counter: n}, quarters: {"<quarter>": {...}}}

The scope is `<project>/<application>`, `<project>`, or `*`. What many applications share is kept in several slices,
chosen by application, so that their facts seldom write the same document; whoever reads adds them up. The revision is
how often a document was added to.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

from services.monitoring.domain.buckets import Day, beginning_of, day_of, split_days
from services.monitoring.domain.sums import Sums, summed
from services.monitoring.domain.tiles import Tile
from shared.mongo import Collection, Document, Index

METRIC_DAYS = "metric_days"
_BY_REVISION = (("_id", 1), ("revision", 1))
INDEXES: dict[str, tuple[Index, ...]] = {METRIC_DAYS: (Index(_BY_REVISION),)}
EVERYTHING = "*"
_SHARED = 4
"""Slices of what many applications share. More would let facts collide less, and questions read more."""
_ESCAPED = {"%": "%25", ".": "%2E", "$": "%24"}
"""What may not stand in the name of a field."""


class Kind(StrEnum):
    """Which metrics a bucket is for."""

    DELIVERY = "delivery"
    FLOW = "flow"


def scope_of(project: str | None, application: str | None = None) -> str:
    """How the scope of a question is written."""
    if project is None:
        return EVERYTHING
    return f"{project}/{application}" if application else project


class BucketRepository:
    """Adds to buckets, and reads them."""

    def __init__(self, days: Collection) -> None:
        self._days = days

    async def add(
        self, kind: Kind, project: str, application: str, changes: Mapping[tuple[date, int], Mapping[str, int]]
    ) -> None:
        """Change the sums of an application, of its project and of everything."""
        await self._days.update_each(
            [
                ({"_id": key}, {"$inc": {**sums, "revision": 1}})
                for key, sums in increments(kind, project, application, changes).items()
            ]
        )

    async def revisions(self, kind: Kind, scope: str, within: Tile) -> dict[datetime, int]:
        """How often each day that there is was added to, by its beginning; read from an index alone."""
        last = day_of(within.until - timedelta.resolution)
        where = {"$gte": f"{kind}|{scope}|{day_of(within.since)}|", "$lte": f"{kind}|{scope}|{last}|~"}
        found: Counter[datetime] = Counter()
        for one in await self._days.every({"_id": where}, only={"_id": 1, "revision": 1}, hint=_BY_REVISION):
            found[beginning_of(_day(one))] += one.get("revision", 0)
        return found

    async def summed(self, kind: Kind, scope: str, tiles: Sequence[Tile]) -> dict[Tile, Sums]:
        """The sums of tiles that lie anywhere."""
        days = {day for one in tiles for day in one.days()}
        split = {beginning_of(day) for day in split_days(edge for one in tiles for edge in (one.since, one.until))}
        wholes, quarters = await asyncio.gather(
            self._read(kind, scope, sorted(days - split), "whole"),
            self._read(kind, scope, sorted(days & split), "quarters"),
        )
        slices: dict[datetime, list[Day]] = {}
        for one in wholes:
            day = _day(one)
            slices.setdefault(beginning_of(day), []).append(Day(day, whole=_counts(one["whole"])))
        for one in quarters:
            day = _day(one)
            parts = {int(place): _counts(counts) for place, counts in one["quarters"].items()}
            slices.setdefault(beginning_of(day), []).append(Day(day, quarters=parts))
        return {
            tile: summed((one for day in tile.days() for one in slices.get(day, ())), tile.window) for tile in tiles
        }

    async def _read(self, kind: Kind, scope: str, days: list[datetime], part: str) -> list[Document]:
        keys = [f"{kind}|{scope}|{day.date()}|{slice_}" for day in days for slice_ in range(_slices(scope))]
        return await self._days.every({"_id": {"$in": keys}}, only={part: 1}) if keys else []


def increments(
    kind: Kind, project: str, application: str, changes: Mapping[tuple[date, int], Mapping[str, int]]
) -> dict[str, Mapping[str, int]]:
    """What to add to which fields of which documents, by their keys."""
    by_day: dict[date, Counter[str]] = {}
    for (day, quarter), counts in changes.items():
        sums = by_day.setdefault(day, Counter())
        for name, count in counts.items():
            field = escaped(name)
            sums[f"whole.{field}"] += count
            sums[f"quarters.{quarter}.{field}"] += count
    return {
        f"{kind}|{scope}|{day}|{part}": sums
        for day, sums in sorted(by_day.items())
        for scope, part in _written(project, application)
    }


def _written(project: str, application: str) -> Iterator[tuple[str, int]]:
    place = zlib.crc32(f"{project}/{application}".encode())
    for scope in (f"{project}/{application}", project, EVERYTHING):
        yield scope, place % _slices(scope)


def _slices(scope: str) -> int:
    return 1 if "/" in scope else _SHARED


def _day(found: Document) -> date:
    return date.fromisoformat(found["_id"].split("|")[2])


def _counts(found: Mapping[str, int]) -> dict[str, int]:
    return {plain(name) if "%" in name else name: count for name, count in found.items()}


def escaped(name: str) -> str:
    """The name of a counter as the name of a field."""
    return "".join(_ESCAPED.get(sign, sign) for sign in name)


def plain(name: str) -> str:
    """The name of a counter from that of a field."""
    for sign, escaped in reversed(_ESCAPED.items()):
        name = name.replace(escaped, sign)
    return name
