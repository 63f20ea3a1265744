"""Risk as pages show it: what matters most as a sentence, deadlines and trends as charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from contracts.monitoring.v1.feeds import AdvisoryStanding
from contracts.monitoring.v1.metrics import MetricPeriod
from contracts.monitoring.v1.outlook import AlertPeriod, DeadlineDay, DueDay
from contracts.vocabulary import Severity
from services.gateway.console.chart_axes import Measure
from services.gateway.console.charts import Chart, Series, bar_chart, line_chart

SEVERITIES = (
    Severity.CRITICAL,
    Severity.HIGH,
    Severity.MEDIUM,
    Severity.LOW,
    Severity.UNKNOWN,
    Severity.NONE,
)
"""The worst first."""
WEEKS = 8
"""How far the picture of deadlines looks ahead."""
SOON = timedelta(days=7)
STALE = timedelta(days=2)
"""Advisories that were last completely imported longer ago than this are called old."""


@dataclass(frozen=True)
class Freshness:
    """How much it is worth that nothing more was found."""

    kind: str
    sentence: str
    remedy: str = ""


def freshness(standing: AdvisoryStanding, advisories: int, now: datetime) -> Freshness:
    """What must be known before an empty list is good news."""
    if not advisories:
        return Freshness(
            "bad",
            "No advisories are known here: nothing can be found.",
            "Import advisories: `hallmark advisories import`, or configure a source.",
        )
    if standing.partial:
        behind = ", ".join(one.source for one in standing.sources if one.newest == "partial")
        return Freshness(
            "warn",
            f"The newest import of {behind or 'a source'} is partial: it can prove a flaw, not that there is none.",
            "Import it again completely.",
        )
    if standing.complete_as_of is None:
        return Freshness(
            "warn",
            "Advisories were imported, but nobody said that a source was complete: what is missing cannot be found.",
            "Use `hallmark advisories import`, which begins and finishes an import.",
        )
    if now - standing.complete_as_of > STALE:
        days = (now - standing.complete_as_of).days
        return Freshness("warn", f"The newest complete import of advisories is {days} days old.", "Import them again.")
    return Freshness("good", "Advisories are complete and fresh.")


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def headline(overdue: int, soon: int, open_: int, revoked: int) -> str:
    """The answer to "what must I do", in one or two sentences."""
    if not open_ and not revoked:
        return "Nothing is open: no release is at risk."
    said = []
    if overdue:
        said.append(f"{counted(overdue, 'finding')} {'is' if overdue == 1 else 'are'} past the deadline")
    if soon:
        said.append(f"{counted(soon, 'finding')} {'is' if soon == 1 else 'are'} due within seven days")
    if not said and open_:
        said.append(
            f"{counted(open_, 'finding')} {'is' if open_ == 1 else 'are'} open, and none is due within seven days"
        )
    if revoked:
        said.append(f"{counted(revoked, 'release')} {'is' if revoked == 1 else 'are'} revoked")
    return f"{', '.join(said)}."


def due_within(due: Iterable[DueDay], now: datetime, span: timedelta) -> int:
    """How many open alerts are due from today on, up to `span` from now."""
    last = (now + span).date()
    return sum(sum(one.alerts.values()) for one in due if now.date() <= one.day <= last)


def deadline_chart(due: Iterable[DueDay], now: datetime) -> Chart:
    """When what is open is due: what is past first, then week by week."""
    weeks: list[Counter[Severity]] = [Counter() for _ in range(WEEKS + 2)]
    for one in due:
        weeks[_week(one.day, now)].update(one.alerts)
    return bar_chart("Open findings by deadline", _week_names(now), _by_severity(weeks), Measure.COUNT)


def survey_chart(due: Iterable[DeadlineDay], overdue: int, now: datetime) -> Chart:
    """The same for releases of all projects."""
    weeks = [0] * (WEEKS + 2)
    weeks[0] = overdue
    for one in due:
        # What is due today has not been counted as overdue.
        weeks[max(1, _week(one.day, now))] += one.releases
    series = [Series("releases", weeks, "bad" if overdue else "accent")]
    return bar_chart("Releases at risk by deadline", _week_names(now), series, Measure.COUNT)


def open_chart(series: Sequence[AlertPeriod], by: MetricPeriod) -> Chart:
    """How much was open at the end of each period."""
    rows = _by_severity([one.open for one in series])
    return bar_chart("Open findings", [period_name(one.since, by) for one in series], rows, Measure.COUNT)


def flow_chart(series: Sequence[AlertPeriod], by: MetricPeriod) -> Chart:
    """How much came, and how much was dealt with."""
    rows = [
        Series("opened", [sum(one.opened.values()) for one in series], "opened"),
        Series("closed", [sum(one.closed.values()) for one in series], "closed"),
    ]
    return line_chart(
        "Findings that came and went", [period_name(one.since, by) for one in series], rows, Measure.COUNT
    )


def period_name(since: datetime, by: MetricPeriod) -> str:
    """How a period is called beside an axis."""
    return since.strftime("%Y-%m") if by is MetricPeriod.MONTH else since.strftime("%m-%d")


def worst(counts: Mapping[Severity, int]) -> tuple[tuple[str, int], ...]:
    """Counts by severity, the worst first, without those of which there are none."""
    return tuple((kind.value, counts[kind]) for kind in SEVERITIES if counts.get(kind))


def _by_severity(columns: Sequence[Mapping[Severity, int]]) -> list[Series]:
    return [
        Series(kind.value, [column.get(kind, 0) for column in columns], kind.value)
        for kind in SEVERITIES
        if any(column.get(kind) for column in columns)
    ]


def _week(day: date, now: datetime) -> int:
    """0 for what is past, 1 for the seven days from today on, and so on; the last one is everything later."""
    ahead = (day - now.date()).days
    return 0 if ahead < 0 else min(WEEKS + 1, 1 + ahead // 7)


def _week_names(now: datetime) -> list[str]:
    begins = [now.date() + timedelta(days=7 * week) for week in range(WEEKS)]
    return ["past", *(day.strftime("%m-%d") for day in begins), "later"]
