"""The five delivery metrics, from recorded facts only.

- Deployments, failures and when they end: see `delivery.py`. A metric judges the deployments of its window (time to
  restore: the failures that opened in it) by every fact given, also later ones: a failure is often found afterwards.
- Nothing is filled in. Without data a ratio or a median is None, and what could not be measured is counted.
- Medians are over exact seconds, without rounding.
- Every number names its facts: the oldest hundred ids and how many there are.
Sources: dora.dev (the five metrics); dora-team/fourkeys METRICS.md (deployment frequency buckets, lead time).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from contracts.vocabulary import PromotionKind
from services.monitoring.domain.delivery import Deployment, Failure, History, Window

MAX_CITED = 100
REWORK_DAYS = 7
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
class Cited:
    """Which facts a number was made from."""

    ids: tuple[str, ...]
    """At most `MAX_CITED`, the oldest first."""
    total: int


@dataclass(frozen=True, slots=True)
class DeploymentFrequency:
    """How often production changed."""

    count: int
    per_day: float
    median_per_week: float
    bucket: Frequency
    facts: Cited


@dataclass(frozen=True, slots=True)
class LeadTime:
    """How long a commit takes to be released."""

    median_seconds: float | None
    measured: int
    without_commit_time: int
    """Releases whose commit time is unknown, or later than the release."""
    facts: Cited


@dataclass(frozen=True, slots=True)
class ChangeFailureRate:
    """How many deployments turned out bad."""

    ratio: float | None
    numerator: int
    denominator: int
    failed: Cited
    causes: Cited
    """The incidents and rollbacks that say so."""
    facts: Cited


@dataclass(frozen=True, slots=True)
class TimeToRestore:
    """How long failures last."""

    median_seconds: float | None
    measured: int
    still_open: int
    rollbacks_alone: int
    """Failures known from a rollback only: nothing says when they began."""
    facts: Cited


@dataclass(frozen=True, slots=True)
class ReworkRate:
    """How many deployments were repairs nobody had planned."""

    ratio: float | None
    numerator: int
    denominator: int
    rollbacks: int
    fixes: int
    reworked: Cited
    facts: Cited


def deployment_frequency(history: History, window: Window) -> DeploymentFrequency:
    """count = deployments in the window; per_day = count / length of the window in days.

    Weeks (7 days) and months (30 days) are whole ones counted back from the end of the window, or the whole window if
    none fits. Bucket: daily if the median week has deployments on 3 days or more (UTC), weekly if on at least 1,
    monthly if the median month has at least 1, else yearly.
    """
    deployments = history.during(window)
    times = [one.at for one in deployments]
    weeks, months = _spans(times, window, _WEEK), _spans(times, window, _MONTH)
    days_per_week = median(_days(week, window) for week in weeks)
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
    return DeploymentFrequency(
        count=len(times),
        per_day=len(times) / ((window.until - window.since) / timedelta(days=1)),
        median_per_week=float(median(len(week) for week in weeks)),
        bucket=bucket,
        facts=_cited(one.id for one in deployments),
    )
