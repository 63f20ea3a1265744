"""Where risk is and where it goes: over all projects, and over time in one.

- Both are counted from what monitoring keeps of releases and alerts, by index, never by reading all of them.
- What is open at the end of a period is what is open now, without what opened since and with what closed since: an
  alert that got worse (`raised`) is one that closed and one that opened.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from contracts.message import Answer, Query
from contracts.monitoring.v1.feeds import AdvisoryStanding
from contracts.monitoring.v1.metrics import MetricPeriod
from contracts.monitoring.v1.views import ReleaseTrust
from contracts.vocabulary import ApplicationName, Frozen, ProjectName, Severity, Utc, VersionName

SeverityCounts = dict[Severity, int]
"""How many alerts of each severity; severities without any are left out."""


class ProjectRisk(Frozen):
    """How many releases of one project somebody has to act on."""

    project: ProjectName
    at_risk: int
    overdue: int
    """Those at risk whose deadline has passed."""
    revoked: int
    nearest: date | None
    """The day (UTC) of the earliest deadline."""


class DeadlineDay(Frozen):
    """Releases whose earliest deadline is on one day (UTC)."""

    day: date
    releases: int


class RiskSurvey(Answer):
    """Where risk is, over all projects that the caller may see."""

    projects: tuple[ProjectRisk, ...]
    """Those with releases at risk or revoked: those with most overdue first, then by nearest deadline; at most 200."""
    project_count: int
    at_risk: int
    overdue: int
    revoked: int
    due: tuple[DeadlineDay, ...]
    """Deadlines to come, by day; the first 120 days that have any."""
    releases: tuple[ReleaseTrust, ...]
    """Those with the nearest deadlines; each with at most 3 causes."""
    advisories: int
    """How many advisories are known."""
    last_import: Utc | None
    imports: AdvisoryStanding = AdvisoryStanding()


class SurveyRisk(Query):
    """Which releases of all projects that the caller may see want attention first, and where are they?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.risk.survey.v1"
    answer: ClassVar[type[Answer]] = RiskSurvey
    most: Annotated[int, Field(ge=1, le=50)] = 20
    """Of `releases`."""


class AlertPeriod(Frozen):
    """What became of alerts in one period."""

    since: Utc
    until: Utc
    partial: bool
    """True when the window ends before the period does."""
    opened: SeverityCounts
    closed: SeverityCounts
    met: int
    """How many of those closed were closed within their deadline."""
    open: SeverityCounts
    """At the end of the period."""


class DueDay(Frozen):
    """Open alerts that are due on one day (UTC)."""

    day: date
    alerts: SeverityCounts


class UndecidedRelease(Frozen):
    """A release with components about which advisories could not be decided."""

    application: ApplicationName
    version: VersionName
    total: int


class RiskOutlook(Answer):
    """How the risk of a project developed, and what is to come."""

    project: ProjectName
    application: ApplicationName | None
    at: Utc
    open: SeverityCounts
    """Alerts that are not closed."""
    overdue: int
    due: tuple[DueDay, ...]
    """What is open, by the day on which it is due, days that are past included."""
    by: MetricPeriod
    series: tuple[AlertPeriod, ...]
    undecided: tuple[UndecidedRelease, ...]
    """By application and version, at most 20."""
    undecided_releases: int
    """How many there are; counting ends at 1,000."""


class ShowRiskOutlook(Query):
    """How many alerts opened, closed and stood open over time, when is what is open due, and what is undecided?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.risk-outlook.show.v1"
    answer: ClassVar[type[Answer]] = RiskOutlook
    project: ProjectName
    application: ApplicationName | None = None
    since: Utc | None = None
    """Absent: 90 days ago. Moved back to the beginning of a period, in UTC."""
    by: MetricPeriod = MetricPeriod.WEEK
