"""Delivery, flow and coverage as pages show them: each metric with its band, its trend and the facts behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from contracts.monitoring.v1.metrics import (
    CoverageReport,
    DeliveryPeriod,
    DeliveryReport,
    FlowPeriod,
    FlowReport,
    KindCoverage,
    MetricPeriod,
    StageCoverage,
)
from contracts.monitoring.v1.views import Metric
from services.gateway.console.chart_axes import Measure, shown
from services.gateway.console.charts import Chart, Range, Series, bar_chart, line_chart
from services.gateway.console.risk_views import period_name

HOUR, DAY = 3600.0, 86_400.0
_TITLES = {
    "deployment_frequency": "Deployment frequency",
    "lead_time": "Lead time for changes",
    "change_failure_rate": "Change failure rate",
    "time_to_restore": "Time to restore",
    "rework_rate": "Rework rate",
}
_MEASURES = {"seconds": Measure.SECONDS, "ratio": Measure.RATIO}
RANGES = {
    "lead_time": ((DAY, "elite"), (7 * DAY, "high"), (30 * DAY, "medium"), (None, "low")),
    "change_failure_rate": ((0.05, "elite"), (0.10, "high"), (0.15, "medium"), (None, "low")),
    "time_to_restore": ((HOUR, "elite"), (DAY, "high"), (7 * DAY, "medium"), (None, "low")),
}
"""Upper limits of the bands of 2023, which monitoring judges by; how often is no matter of one period."""
_PROMOTION = "pr-"
_AT_RISK = re.compile(r"([a-z0-9-]+)/([a-z0-9-]+)/([A-Za-z0-9._+-]+)@[0-9TZ:.-]+")
"""A time in which a release was at risk is named by the release and when it began."""
_BAD_BELOW, _GOOD_FROM = 0.8, 0.95


@dataclass(frozen=True)
class Cited:
    """A fact behind a metric; `path` is empty for one that has no page."""

    name: str
    path: str


@dataclass(frozen=True)
class Card:
    """One metric as it is shown."""

    name: str
    title: str
    value: str
    band: str
    formula: str
    parts: str
    """What was divided by what, or the 90th percentile."""
    note: str
    chart: Chart
    facts: tuple[Cited, ...]
    fact_count: int


@dataclass(frozen=True)
class CoverageRow:
    """The evidence on what stands in one stage, kind by kind in the order of the heading."""

    stage: StageCoverage
    cells: tuple[KindCoverage | None, ...]


def cards(report: DeliveryReport, by: MetricPeriod) -> tuple[Card, ...]:
    """The five metrics of a report with a series."""
    return tuple(_card(metric, report, by) for metric in report.metrics)


def ended_chart(report: FlowReport, by: MetricPeriod) -> Chart:
    """How promotions ended."""
    rows = [
        Series("completed", [one.completed for one in report.series], "good"),
        Series("denied", [one.denied for one in report.series], "bad"),
        Series("ended otherwise", [one.ended_otherwise for one in report.series], "grey"),
    ]
    return bar_chart("How promotions ended", _names(report.series, by), rows, Measure.COUNT)


def took_chart(report: FlowReport, by: MetricPeriod) -> Chart:
    """How long promotions took."""
    rows = [
        Series("median", [one.took.median for one in report.series], "accent"),
        Series("90th percentile", [one.took.p90 for one in report.series], "warn"),
    ]
    return line_chart("From request to end", _names(report.series, by), rows, Measure.SECONDS)


def dwell_chart(report: FlowReport) -> Chart:
    """How long versions stay in each stage."""
    dwell = report.whole.dwell
    rows = [Series("median", [one.seconds.median for one in dwell], "accent")]
    return bar_chart("Time in each stage, median", [one.stage for one in dwell], rows, Measure.SECONDS)


def waited_chart(report: FlowReport) -> Chart:
    """What promotions waited for, all of them together."""
    waited = report.whole.waited
    rows = [Series("total", [float(one.total_seconds) for one in waited], "warn")]
    return bar_chart("What promotions waited for, in total", [one.on for one in waited], rows, Measure.SECONDS)


def debt_chart(report: CoverageReport) -> Chart:
    """How old open waivers are, and how soon they end."""
    labels = [one.label.replace("more than ", "over ").replace("up to ", "to ") for one in report.waivers]
    counts = [one.since_granted for one in report.waivers] if any(one.since_granted for one in report.waivers) else None
    rows = [Series("granted so long ago", counts or [None] * len(labels), "accent")]
    return bar_chart("Open waivers by age", labels, rows, Measure.COUNT)


def kinds_of(report: CoverageReport) -> tuple[str, ...]:
    """The heading of the table of coverage."""
    return tuple(sorted({kind.kind for stage in report.stages for kind in stage.evidence}))


def coverage_rows(report: CoverageReport, kinds: Sequence[str]) -> tuple[CoverageRow, ...]:
    """One row for each stage of each application."""
    found = []
    for stage in report.stages:
        by_kind = {kind.kind: kind for kind in stage.evidence}
        found.append(CoverageRow(stage, tuple(by_kind.get(kind) for kind in kinds)))
    return tuple(found)


def tone(part: float | None) -> str:
    """The colour of a share of what should be all."""
    if part is None:
        return "grey"
    return "good" if part >= _GOOD_FROM else "warn" if part >= _BAD_BELOW else "bad"


def _card(metric: Metric, report: DeliveryReport, by: MetricPeriod) -> Card:
    measure = _MEASURES.get(metric.unit, Measure.COUNT)
    value = shown(metric.value, measure)
    return Card(
        name=metric.name,
        title=_TITLES.get(metric.name, metric.name.replace("_", " ")),
        value=f"{value} a day" if metric.unit == "per day" and metric.value is not None else value,
        band=metric.band or "",
        formula=metric.formula,
        parts=_parts(metric, measure),
        note=metric.note,
        chart=_trend(metric.name, report.series, by),
        facts=tuple(_cited(fact, report.project) for fact in metric.facts),
        fact_count=metric.fact_count,
    )


def _parts(metric: Metric, measure: Measure) -> str:
    if metric.p90 is not None:
        return f"90th percentile {shown(metric.p90, measure)}"
    if metric.numerator is not None and metric.denominator is not None:
        return f"{metric.numerator:,g} / {metric.denominator:,.4g}"
    return ""


def _trend(name: str, series: Sequence[DeliveryPeriod], by: MetricPeriod) -> Chart:
    labels = _names(series, by)
    match name:
        case "deployment_frequency":
            rows = [
                Series("releases", [one.deployments - one.rollbacks for one in series], "accent"),
                Series("rollbacks", [one.rollbacks for one in series], "bad"),
            ]
            return bar_chart(f"Deployments by {by.value}", labels, rows, Measure.COUNT)
        case "lead_time":
            rows = _times([one.lead_time.median for one in series], [one.lead_time.p90 for one in series])
            return line_chart(f"Lead time by {by.value}", labels, rows, Measure.SECONDS, ranges=_ranges(name))
        case "time_to_restore":
            rows = _times([one.time_to_restore.median for one in series], [one.time_to_restore.p90 for one in series])
            return line_chart(f"Time to restore by {by.value}", labels, rows, Measure.SECONDS, ranges=_ranges(name))
        case "change_failure_rate":
            rows = [Series("rate", [one.change_failure_rate for one in series], "accent")]
            return line_chart(f"Change failures by {by.value}", labels, rows, Measure.RATIO, ranges=_ranges(name))
        case _:
            rows = [Series("rate", [one.rework_rate for one in series], "accent")]
            return line_chart(f"Rework by {by.value}", labels, rows, Measure.RATIO)


def _times(medians: Sequence[float | None], p90s: Sequence[float | None]) -> list[Series]:
    return [Series("median", medians, "accent"), Series("90th percentile", p90s, "grey")]


def _ranges(name: str) -> list[Range]:
    found, low = [], 0.0
    for high, band in RANGES[name]:
        found.append(Range(band, low, high, band))
        low = high or low
    return found


def _cited(fact: str, project: str | None) -> Cited:
    if project is not None and fact.startswith(_PROMOTION):
        return Cited(fact, f"/projects/{project}/promotions/{fact}")
    if at_risk := _AT_RISK.fullmatch(fact):
        its_project, application, version = at_risk.groups()
        return Cited(fact, f"/projects/{its_project}/applications/{application}/versions/{quote(version)}/trust")
    return Cited(fact, "")


def _names(series: Iterable[DeliveryPeriod | FlowPeriod], by: MetricPeriod) -> list[str]:
    return [period_name(one.since, by) for one in series]
