"""How often something happens, told as dora-team/fourkeys METRICS.md does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from statistics import median

from services.monitoring.domain.delivery import Window

_WEEK = timedelta(days=7)
_MONTH = timedelta(days=30)
_DAILY_MEDIAN = 3


class Frequency(StrEnum):
    """How often an application is deployed."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"
    NONE = "none"
    """Not at all in the window."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often something happens."""

    per_day: float
    median_per_week: float
    bucket: Frequency


def rhythm_of(times: Mapping[datetime, int], window: Window) -> Rhythm:
    """How often something happens that happened so often at these times, as `deployment_frequency` says."""
    weeks, months = _spans(times, window, _WEEK), _spans(times, window, _MONTH)
    days_per_week = median(_deploy_days(week) for week in weeks)
    if not times:
        bucket = Frequency.NONE
    elif days_per_week >= _DAILY_MEDIAN:
        bucket = Frequency.DAILY
    elif days_per_week >= 1:
        bucket = Frequency.WEEKLY
    elif median(month.total() for month in months) >= 1:
        bucket = Frequency.MONTHLY
    else:
        bucket = Frequency.YEARLY
    return Rhythm(
        per_day=sum(times.values()) / ((window.until - window.since) / timedelta(days=1)),
        median_per_week=float(median(week.total() for week in weeks)),
        bucket=bucket,
    )


def _spans(times: Mapping[datetime, int], window: Window, length: timedelta) -> list[Counter[datetime]]:
    whole = (window.until - window.since) // length
    if not whole:
        return [Counter(times)]
    spans: list[Counter[datetime]] = [Counter() for _ in range(whole)]
    for moment, count in times.items():
        # Counted from the end, where a span excludes its upper edge as the window does.
        index = -((moment - window.until) // length) - 1
        if index < whole:
            spans[index][moment] += count
    return spans


def _deploy_days(times: Iterable[datetime]) -> int:
    return len({moment.astimezone(UTC).date() for moment in times})
