"""How often something happens, told as dora-team/fourkeys METRICS.md does."""

from __future__ import annotations

from collections.abc import Sequence
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


def rhythm_of(times: Sequence[datetime], window: Window) -> Rhythm:
    """How often something happens that happened at these times of the window, as `deployment_frequency` says."""
    weeks, months = _spans(times, window, _WEEK), _spans(times, window, _MONTH)
    days_per_week = median(_deploy_days(week) for week in weeks)
    if not times:
        bucket = Frequency.NONE
    elif days_per_week >= _DAILY_MEDIAN:
        bucket = Frequency.DAILY
    elif days_per_week >= 1:
        bucket = Frequency.WEEKLY
    elif median(len(month) for month in months) >= 1:
        bucket = Frequency.MONTHLY
    else:
        bucket = Frequency.YEARLY
    return Rhythm(
        per_day=len(times) / ((window.until - window.since) / timedelta(days=1)),
        median_per_week=float(median(len(week) for week in weeks)),
        bucket=bucket,
    )


def _spans(times: Sequence[datetime], window: Window, length: timedelta) -> list[list[datetime]]:
    whole = (window.until - window.since) // length
    if not whole:
        return [list(times)]
    spans: list[list[datetime]] = [[] for _ in range(whole)]
    for moment in times:
        # Counted from the end, where a span excludes its upper edge as the window does.
        index = -((moment - window.until) // length) - 1
        if index < whole:
            spans[index].append(moment)
    return spans


def _deploy_days(times: Sequence[datetime]) -> int:
    return len({moment.astimezone(UTC).date() for moment in times})
