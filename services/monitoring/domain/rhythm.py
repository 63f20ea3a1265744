"""How often something happens, told as dora-team/fourkeys METRICS.md does."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import accumulate, pairwise
from statistics import median
from typing import TypeVar

from services.monitoring.domain.delivery import Window

M = TypeVar("M", bound=float)
_DAY = 86400
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


def rhythm_of(times: Mapping[M, int], window: Window) -> Rhythm:
    """How often something happens that happened so often at these times, as `deployment_frequency` says.

    Times are seconds after 1970, and lie in the window.
    """
    moments = sorted(times)
    days = [moment // _DAY for moment in moments]
    ends = [0, *accumulate(times[moment] for moment in moments)]
    weeks, months = _spans(moments, window, _WEEK), _spans(moments, window, _MONTH)
    days_per_week = median(len({*days[week]}) for week in weeks)
    if not times:
        bucket = Frequency.NONE
    elif days_per_week >= _DAILY_MEDIAN:
        bucket = Frequency.DAILY
    elif days_per_week >= 1:
        bucket = Frequency.WEEKLY
    elif median(ends[month.stop] - ends[month.start] for month in months) >= 1:
        bucket = Frequency.MONTHLY
    else:
        bucket = Frequency.YEARLY
    return Rhythm(
        per_day=ends[-1] / ((window.until - window.since) / timedelta(days=1)),
        median_per_week=float(median(ends[week.stop] - ends[week.start] for week in weeks)),
        bucket=bucket,
    )


def _spans(moments: Sequence[float], window: Window, length: timedelta) -> list[slice]:
    # Counted from the end, where a span excludes its upper edge as the window does.
    whole = (window.until - window.since) // length
    edges = [(window.until - back * length).timestamp() for back in range(whole, -1, -1)]
    places = [bisect_left(moments, edge) for edge in edges]
    return [slice(one, other) for one, other in pairwise(places)] or [slice(0, len(moments))]
