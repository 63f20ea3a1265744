"""The sums behind the metrics, by UTC day (`domain/buckets.py`).

`metric_days`  {_id: "<kind>|<scope>|<day>|<slice>", whole: {counter: n}, quarters: {"<quarter>": {counter: n}}}

The scope is `<project>/<application>`, `<project>`, or `*`. What many applications share is kept in several slices,
chosen by application, so that their facts seldom write the same document; whoever reads adds them up.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

from services.monitoring.domain.buckets import Day, day_of, split_days
from services.monitoring.domain.delivery import Window
from shared.mongo import Collection, Document, Index

METRIC_DAYS = "metric_days"
INDEXES: dict[str, tuple[Index, ...]] = {METRIC_DAYS: ()}
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
                ({"_id": key}, {"$inc": dict(sums)})
                for key, sums in increments(kind, project, application, changes).items()
            ]
        )

    async def read(self, kind: Kind, scope: str, window: Window, edges: Iterable[datetime]) -> list[Day]:
        """The days of a window, in order; by quarters where one of the edges lies inside the day."""
        last = day_of(window.until - timedelta(microseconds=1))
        where = {"$gte": f"{kind}|{scope}|{day_of(window.since)}|", "$lte": f"{kind}|{scope}|{last}|~"}
        split = split_days(edges)
        found: dict[date, dict[str, int]] = {}
        for one in await self._days.every({"_id": where}, only={"whole": 1}):
            _add(found.setdefault(_day(one), {}), one["whole"])
        quarters = await self._quarters(kind, scope, sorted(split & found.keys()))
        return [
            Day(day, {} if day in quarters else _counts(whole), quarters.get(day))
            for day, whole in sorted(found.items())
        ]

    async def _quarters(self, kind: Kind, scope: str, days: list[date]) -> dict[date, dict[int, dict[str, int]]]:
        keys = [f"{kind}|{scope}|{day}|{part}" for day in days for part in range(_slices(scope))]
        found: dict[date, dict[int, dict[str, int]]] = {day: {} for day in days}
        for one in await self._days.every({"_id": {"$in": keys}}, only={"quarters": 1}) if keys else ():
            for quarter, counts in one.get("quarters", {}).items():
                _add(found[_day(one)].setdefault(int(quarter), {}), counts)
        return {day: {place: _counts(counts) for place, counts in parts.items()} for day, parts in found.items()}


def increments(
    kind: Kind, project: str, application: str, changes: Mapping[tuple[date, int], Mapping[str, int]]
) -> dict[str, Mapping[str, int]]:
    """What to add to which fields of which documents, by their keys."""
    by_day: dict[date, Counter[str]] = {}
    for (day, quarter), counts in changes.items():
        sums = by_day.setdefault(day, Counter())
        for name, count in counts.items():
            field = _escaped(name)
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


def _add(sums: dict[str, int], counts: Mapping[str, int]) -> None:
    # By hand: `Counter.update` takes twice as long, and this is what an answer takes most of its time for.
    for name, count in counts.items():
        sums[name] = sums.get(name, 0) + count


def _counts(found: Mapping[str, int]) -> dict[str, int]:
    return {_plain(name): count for name, count in found.items() if count}


def _escaped(name: str) -> str:
    return "".join(_ESCAPED.get(sign, sign) for sign in name)


def _plain(name: str) -> str:
    if "%" not in name:
        return name
    for sign, escaped in reversed(_ESCAPED.items()):
        name = name.replace(escaped, sign)
    return name
