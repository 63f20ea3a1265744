"""The delivery metrics as the contract tells them: value, formula, and the facts behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from contracts.monitoring.v1.metrics import DeliveryPeriod, Percentiles
from contracts.monitoring.v1.views import Metric
from services.monitoring.domain import metrics
from services.monitoring.domain.bands import Year, failure_band, frequency_band, lead_time_band, restore_band
from services.monitoring.domain.buckets import Span
from services.monitoring.domain.delivery import Window
from services.monitoring.domain.delivery_sums import DeliverySums, Times
from services.monitoring.domain.rhythm import rhythm_of

CITED = metrics.MAX_CITED


@dataclass(frozen=True)
class Measured:
    """What the metrics of one window are told from."""

    window: Window
    zone: ZoneInfo
    sums: DeliverySums
    deployments: tuple[str, ...] = ()
    """The first ids, as of the rest."""
    releases: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    year: Year | None = None
    """Whose performance bands; None: how often is told as a rhythm, and there are no others."""


def delivery_metrics(found: Measured) -> tuple[Metric, ...]:
    """All five."""
    return (_frequency(found), _lead_time(found), _failure_rate(found), _restore_time(found), _rework_rate(found))


def delivery_period(span: Span, sums: DeliverySums) -> DeliveryPeriod:
    """One period of a series."""
    return DeliveryPeriod(
        since=span.since,
        until=span.until,
        partial=span.partial,
        deployments=sums.count("deployments"),
        rollbacks=sums.count("rollbacks"),
        lead_time=percentiles(sums.lead),
        failed=sums.count("failed"),
        change_failure_rate=sums.per_deployment("failed"),
        time_to_restore=percentiles(sums.restore),
        still_open=sums.count("open"),
        reworked=sums.count("reworked"),
        rework_rate=sums.per_deployment("reworked"),
    )


def percentiles(times: Times) -> Percentiles:
    """Lengths of time, in two numbers."""
    median, p90 = times.percentiles(0.5, 0.9)
    return Percentiles(
        measured=times.measured,
        median=median,
        p90=p90,
        relative_error=times.error,
    )


def _frequency(found: Measured) -> Metric:
    rhythm = rhythm_of(found.sums.ticks, found.window)
    if found.year is None:
        band: str | None = rhythm.bucket.value
    else:
        band = frequency_band(found.sums.ticks, found.window, found.zone, found.year)
    return Metric(
        name="deployment_frequency",
        value=rhythm.per_day,
        unit="per day",
        formula="releases and rollbacks in the window / days of the window",
        numerator=found.sums.count("deployments"),
        denominator=(found.window.until - found.window.since) / timedelta(days=1),
        band=band,
        facts=found.deployments[:CITED],
        fact_count=found.sums.count("deployments"),
        note=f"In the median week {rhythm.median_per_week:g}; {rhythm.bucket.value} as Four Keys counts.",
    )


def _lead_time(found: Measured) -> Metric:
    times = found.sums.lead
    median, p90 = times.percentiles(0.5, 0.9)
    return Metric(
        name="lead_time",
        value=median,
        unit="seconds",
        formula="median of (release time - commit time) over the releases of the window",
        band=found.year and lead_time_band(median, found.year),
        facts=found.releases[:CITED],
        fact_count=found.sums.count("releases"),
        note=f"{times.measured} measured, {found.sums.count('unmeasured')} without a usable commit time. {_how(times)}",
        p90=p90,
        relative_error=times.error,
    )


def _failure_rate(found: Measured) -> Metric:
    ratio = found.sums.per_deployment("failed")
    return Metric(
        name="change_failure_rate",
        value=ratio,
        unit="ratio",
        formula="deployments of the window with an incident, a time at risk or a rollback / deployments of the window",
        numerator=found.sums.count("failed"),
        denominator=found.sums.count("deployments"),
        band=found.year and failure_band(ratio, found.year),
        facts=found.deployments[:CITED],
        fact_count=found.sums.count("deployments"),
        note=f"Known from: {', '.join(found.causes[:10]) or 'nothing'}.",
    )


def _restore_time(found: Measured) -> Metric:
    times = found.sums.restore
    median, p90 = times.percentiles(0.5, 0.9)
    still_open, alone = found.sums.count("open"), found.sums.count("alone")
    return Metric(
        name="time_to_restore",
        value=median,
        unit="seconds",
        formula="median of (end - beginning) over the failures that began in the window and have ended",
        band=found.year and restore_band(median),
        facts=found.failures[:CITED],
        fact_count=times.measured + still_open,
        note=f"{times.measured} measured, {still_open} still open, {alone} known from a rollback only. {_how(times)}",
        p90=p90,
        relative_error=times.error,
    )


def _rework_rate(found: Measured) -> Metric:
    return Metric(
        name="rework_rate",
        value=found.sums.per_deployment("reworked"),
        unit="ratio",
        formula=f"(rollbacks + fixes within {metrics.REWORK_DAYS} days) / deployments of the window",
        numerator=found.sums.count("reworked"),
        denominator=found.sums.count("deployments"),
        facts=found.deployments[:CITED],
        fact_count=found.sums.count("deployments"),
        note=f"{found.sums.count('rollbacks')} rollbacks, {found.sums.count('fixes')} fixes.",
    )


def _how(times: Times) -> str:
    return "Exact." if times.error == 0 else f"From counted cells: within {times.error:.0%} of the exact value."
