"""The performance bands that DORA published, as limits.

- The reports describe clusters in words ("between once per day and once per week"). The limits are those of the public
  implementation Apache DevLake (dashboard `DORA.json`), for the reports of 2021 and 2023.
- The clusters of 2024 are not here: by change failure rate they are in no order, its medium one fails less often than
  its high one. Rework rate has no published band.
- Deployment frequency is judged by days with a deployment, in the median calendar week and month; of two middle values
  the lower one counts.

Sources: dora.dev/research/2021 and /2023; apache/incubator-devlake, grafana/dashboards/mysql/DORA.json.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median_low
from zoneinfo import ZoneInfo

from services.monitoring.domain.buckets import Period, midnight, spans
from services.monitoring.domain.delivery import Window

_HOUR, _DAY = 3600, 86400
_DAILY, _SIX = 5, 6


class Year(StrEnum):
    """Whose bands."""

    Y2021 = "2021"
    Y2023 = "2023"


class Band(StrEnum):
    """How well a team does among those that DORA asked."""

    ELITE = "elite"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


_NAMES = (Band.ELITE, Band.HIGH, Band.MEDIUM)
_LEAD = {Year.Y2021: (_HOUR, 7 * _DAY, 180 * _DAY), Year.Y2023: (_DAY, 7 * _DAY, 30 * _DAY)}
_RESTORE = (_HOUR, _DAY, 7 * _DAY)
_FAILURES = {Year.Y2021: (0.15, 0.20, 0.30), Year.Y2023: (0.05, 0.10, 0.15)}


def lead_time_band(seconds: float | None, year: Year) -> Band | None:
    """By the median lead time for changes."""
    return _below(seconds, _LEAD[year])


def restore_band(seconds: float | None) -> Band | None:
    """By the median time to restore; both years have the same limits."""
    return _below(seconds, _RESTORE)


def failure_band(ratio: float | None, year: Year) -> Band | None:
    """By the change failure rate."""
    if ratio is None:
        return None
    return next((name for name, limit in zip(_NAMES, _FAILURES[year], strict=True) if ratio <= limit), Band.LOW)


def frequency_band(times: Iterable[float], window: Window, zone: ZoneInfo, year: Year) -> Band | None:
    """By the days with a deployment in each calendar week and month of the window; None without any deployment.

    Times are seconds after 1970, and lie in the window.
    """
    days = _days(times, window, zone)
    if not days:
        return None
    weekly = median_low(_days_in(days, window, Period.WEEK, zone))
    monthly = _days_in(days, window, Period.MONTH, zone)
    if weekly >= _DAILY:
        return Band.ELITE
    if year is Year.Y2023:
        if weekly >= 1:
            return Band.HIGH
        return Band.MEDIUM if median_low(monthly) >= 1 else Band.LOW
    if median_low(monthly) >= 1:
        return Band.HIGH
    halves = [sum(monthly[max(0, end - _SIX) : end]) for end in range(len(monthly), 0, -_SIX)]
    return Band.MEDIUM if median_low(halves) >= 1 else Band.LOW


def _days(times: Iterable[float], window: Window, zone: ZoneInfo) -> list[int]:
    # There can be many times, and few days: each day is looked for among the times.
    moments = sorted(times)
    first, last = (one.astimezone(zone).date().toordinal() for one in (window.since, window.until))
    edges = [midnight(date.fromordinal(one), zone).timestamp() for one in range(first, last + 2)]
    places = [bisect_left(moments, edge) for edge in edges]
    return [first + number for number, (one, other) in enumerate(pairwise(places)) if one < other]


def _days_in(days: Sequence[int], window: Window, by: Period, zone: ZoneInfo) -> list[int]:
    counted: Counter[int] = Counter()
    periods = spans(window, by, zone)
    # A period's last moment tells its last day, whatever the clocks do at its end.
    ends = [(one.until - timedelta(seconds=1)).astimezone(zone).date().toordinal() for one in periods]
    for day in days:
        counted[next((place for place, end in enumerate(ends) if day <= end), len(ends) - 1)] += 1
    return [counted[place] for place in range(len(periods))]


def _below(seconds: float | None, limits: tuple[int, int, int]) -> Band | None:
    if seconds is None:
        return None
    return next((name for name, limit in zip(_NAMES, limits, strict=True) if seconds < limit), Band.LOW)
