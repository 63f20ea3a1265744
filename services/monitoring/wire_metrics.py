"""The delivery metrics as the contract tells them: value, formula, and the facts behind it."""

from __future__ import annotations

from datetime import timedelta

from contracts.monitoring.v1.views import Metric
from services.monitoring.domain import metrics
from services.monitoring.domain.delivery import History, Window


def delivery_metrics(history: History, window: Window) -> tuple[Metric, ...]:
    """All five."""
    return (
        _frequency(history, window),
        _lead_time(history, window),
        _failure_rate(history, window),
        _restore_time(history, window),
        _rework_rate(history, window),
    )


def _frequency(history: History, window: Window) -> Metric:
    found = metrics.deployment_frequency(history, window)
    return Metric(
        name="deployment_frequency",
        value=found.per_day,
        unit="per day",
        formula="releases and rollbacks in the window / days of the window",
        numerator=found.count,
        denominator=(window.until - window.since) / timedelta(days=1),
        band=found.bucket.value,
        facts=found.facts.ids,
        fact_count=found.facts.total,
        note=f"In the median week {found.median_per_week:g}.",
    )


def _lead_time(history: History, window: Window) -> Metric:
    found = metrics.lead_time(history, window)
    return Metric(
        name="lead_time",
        value=found.median_seconds,
        unit="seconds",
        formula="median of (release time - commit time) over the releases of the window",
        facts=found.facts.ids,
        fact_count=found.facts.total,
        note=f"{found.measured} measured, {found.without_commit_time} without a usable commit time.",
    )


def _failure_rate(history: History, window: Window) -> Metric:
    found = metrics.change_failure_rate(history, window)
    return Metric(
        name="change_failure_rate",
        value=found.ratio,
        unit="ratio",
        formula="deployments of the window with an incident, a time at risk or a rollback / deployments of the window",
        numerator=found.numerator,
        denominator=found.denominator,
        facts=found.facts.ids,
        fact_count=found.facts.total,
        note=f"Known from: {', '.join(found.causes.ids[:10]) or 'nothing'}.",
    )


def _restore_time(history: History, window: Window) -> Metric:
    found = metrics.time_to_restore(history, window)
    return Metric(
        name="time_to_restore",
        value=found.median_seconds,
        unit="seconds",
        formula="median of (end - beginning) over the failures that began in the window and have ended",
        facts=found.facts.ids,
        fact_count=found.facts.total,
        note=f"{found.measured} measured, {found.still_open} still open, "
        f"{found.rollbacks_alone} known from a rollback only.",
    )


def _rework_rate(history: History, window: Window) -> Metric:
    found = metrics.rework_rate(history, window)
    return Metric(
        name="rework_rate",
        value=found.ratio,
        unit="ratio",
        formula=f"(rollbacks + fixes within {metrics.REWORK_DAYS} days) / deployments of the window",
        numerator=found.numerator,
        denominator=found.denominator,
        facts=found.facts.ids,
        fact_count=found.facts.total,
        note=f"{found.rollbacks} rollbacks, {found.fixes} fixes.",
    )
