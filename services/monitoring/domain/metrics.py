"""The five delivery metrics, from recorded facts only.

- Deployments, failures and when they end: see `delivery.py`. A metric judges the deployments of its window (time to
  restore: the failures that opened in it) by every fact given, also later ones: a failure is often found afterwards.
- Nothing is filled in. Without data a ratio or a median is None, and what could not be measured is counted.
- Medians are over exact seconds, without rounding.
- Every number names its facts: the oldest hundred ids and how many there are.
Sources: dora.dev (the five metrics); dora-team/fourkeys METRICS.md (deployment frequency buckets, lead time).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from contracts.vocabulary import PromotionKind
from services.monitoring.domain.delivery import Deployment, Failure, History, Window
from services.monitoring.domain.rhythm import Frequency, rhythm_of

MAX_CITED = 100
REWORK_DAYS = 7


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
    """Deployments in the window; per day = that count / length of the window in days.

    Weeks (7 days) and months (30 days) are whole ones counted back from the end of the window, or the whole window if
    none fits. Bucket: daily if the median week has deployments on 3 days or more (UTC), weekly if on at least 1,
    monthly if the median month has at least 1, else yearly.
    """
    deployments = history.during(window)
    rhythm = rhythm_of(Counter(one.at.timestamp() for one in deployments), window)
    return DeploymentFrequency(
        count=len(deployments),
        per_day=rhythm.per_day,
        median_per_week=rhythm.median_per_week,
        bucket=rhythm.bucket,
        facts=_cited(one.id for one in deployments),
    )


def lead_time(history: History, window: Window) -> LeadTime:
    """median(release time - commit time), in seconds, over the releases of the window; rollbacks bring nothing new."""
    releases = [one for one in history.during(window) if one.kind is PromotionKind.RELEASE]
    seconds = [
        (one.at - one.committed_at).total_seconds()
        for one in releases
        if one.committed_at is not None and one.committed_at <= one.at
    ]
    return LeadTime(
        median_seconds=_median(seconds),
        measured=len(seconds),
        without_commit_time=len(releases) - len(seconds),
        facts=_cited(one.id for one in releases),
    )


def change_failure_rate(history: History, window: Window) -> ChangeFailureRate:
    """Deployments of the window with at least one failure / deployments of the window."""
    deployments = history.during(window)
    failures = [one for one in history.failures() if one.deployment.at in window]
    failed = {one.deployment.id for one in failures}
    return ChangeFailureRate(
        ratio=len(failed) / len(deployments) if deployments else None,
        numerator=len(failed),
        denominator=len(deployments),
        failed=_cited(one.id for one in deployments if one.id in failed),
        causes=_cited(one.cause_id for one in failures),
        facts=_cited(one.id for one in deployments),
    )


def time_to_restore(history: History, window: Window) -> TimeToRestore:
    """median(end - opening), in seconds, over the incidents that opened in the window and have ended."""
    known = [one for one in history.failures() if one.at in window]
    incidents = [one for one in known if one.incident is not None]
    seconds = [(one.ended_at - one.at).total_seconds() for one in incidents if one.ended_at is not None]
    explained = {one.deployment.id for one in history.failures() if one.incident is not None}
    return TimeToRestore(
        median_seconds=_median(seconds),
        measured=len(seconds),
        still_open=len(incidents) - len(seconds),
        rollbacks_alone=sum(one.incident is None and one.deployment.id not in explained for one in known),
        facts=_cited(one.cause_id for one in incidents),
    )


def rework_rate(history: History, window: Window, *, within_days: int = REWORK_DAYS) -> ReworkRate:
    """(rollbacks + fixes) / deployments of the window.

    A fix is the release that follows a failure: the next deployment of another version than the failed one, shipped
    within `within_days` days of the failure's becoming known and, for an incident, not after its resolution.
    """
    deployments = history.during(window)
    fixing = {fix.id for one in history.failures() if (fix := _fix(history, one, timedelta(days=within_days)))}
    rollbacks = [one for one in deployments if one.kind is PromotionKind.ROLLBACK]
    fixes = [one for one in deployments if one.id in fixing]
    reworked = {one.id for one in (*rollbacks, *fixes)}
    return ReworkRate(
        ratio=len(reworked) / len(deployments) if deployments else None,
        numerator=len(reworked),
        denominator=len(deployments),
        rollbacks=len(rollbacks),
        fixes=len(fixes),
        reworked=_cited(one.id for one in deployments if one.id in reworked),
        facts=_cited(one.id for one in deployments),
    )


def _fix(history: History, failure: Failure, within: timedelta) -> Deployment | None:
    failed = failure.deployment
    following = history.next_other(failed.application, failed.version, failure.at)
    incident = failure.incident
    resolved_at = incident.resolved_at if incident else None
    if following is None or following.kind is not PromotionKind.RELEASE or following.at - failure.at > within:
        return None
    return None if resolved_at is not None and following.at > resolved_at else following


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _cited(ids: Iterable[str]) -> Cited:
    found = list(dict.fromkeys(ids))
    return Cited(ids=tuple(found[:MAX_CITED]), total=len(found))
