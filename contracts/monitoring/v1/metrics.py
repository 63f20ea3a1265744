"""Metrics over time: delivery, flow, coverage."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.message import Answer, PageLimit, Query
from contracts.monitoring.v1.views import Metric
from contracts.vocabulary import ApplicationName, Digest, Frozen, ProjectName, StageName, Utc, VersionName


class MetricPeriod(StrEnum):
    """What a series is divided into."""

    DAY = "day"
    WEEK = "week"
    """From Monday on, as ISO 8601 has it."""
    MONTH = "month"


class BandYear(StrEnum):
    """Whose performance bands: the report of that year."""

    Y2021 = "2021"
    Y2023 = "2023"


ZoneName = Annotated[str, Field(min_length=1, max_length=64)]
"""`UTC`, or a name of the IANA time zone database, such as `Europe/Berlin`."""


class Percentiles(Frozen):
    """Lengths of time in seconds; None without any."""

    measured: int
    median: float | None
    p90: float | None
    relative_error: float
    """The most by which the two can differ from the exact values, as a share of them; 0 when they are exact."""


class DeliveryPeriod(Frozen):
    """One period of a series."""

    since: Utc
    until: Utc
    partial: bool
    """True when the window ends before the period does."""
    deployments: int
    rollbacks: int
    lead_time: Percentiles
    failed: int
    change_failure_rate: float | None
    time_to_restore: Percentiles
    still_open: int
    reworked: int
    rework_rate: float | None


class DeliveryReport(Answer):
    """The five delivery metrics over a window, and period by period."""

    project: ProjectName | None
    """None: all projects."""
    application: ApplicationName | None
    since: Utc
    until: Utc
    zone: str
    bands: str
    """Whose performance bands: `dora-2023` or `dora-2021`."""
    metrics: tuple[Metric, ...]
    by: MetricPeriod | None
    series: tuple[DeliveryPeriod, ...] = ()


class ShowDelivery(Query):
    """How fast and how safely is delivered: over a window, and by day, week or month?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.delivery.show.v1"
    answer: ClassVar[type[Answer]] = DeliveryReport
    project: ProjectName | None = None
    """Absent: all projects, for those who may see all of them."""
    application: ApplicationName | None = None
    since: Utc | None = None
    """Absent: 90 days before `until`. Moved back to a quarter of an hour; with `by`, to the beginning of a period."""
    until: Utc | None = None
    """Absent: now."""
    by: MetricPeriod | None = None
    """Absent: no series."""
    zone: ZoneName = "UTC"
    bands: BandYear = BandYear.Y2023


class Dwell(Frozen):
    """How long versions were in a stage that they have left for another."""

    stage: StageName
    seconds: Percentiles


class Waited(Frozen):
    """How long promotions waited for one thing; counted when the waiting ended."""

    on: str
    """`queue`, `gates`, `evidence`, `soak`, `approval`, `freeze`, `applying` or `compensating`."""
    total_seconds: int
    seconds: Percentiles


class GateYield(Frozen):
    """How often a gate let a promotion pass with its first verdict."""

    stage: StageName
    gate: str
    judged: int
    passed: int
    first_pass_yield: float


class DenialReason(Frozen):
    """A rule that stopped promotions."""

    policy: str
    rule: str
    promotions: int


class WaitingNow(Frozen):
    """Promotions under way."""

    on: str
    count: int
    oldest_since: Utc


class FlowPeriod(Frozen):
    """One period of a series, or the whole window."""

    since: Utc
    until: Utc
    partial: bool
    completed: int
    denied: int
    ended_otherwise: int
    """Cancelled, expired or failed."""
    took: Percentiles
    """From request to end."""
    dwell: tuple[Dwell, ...]
    waited: tuple[Waited, ...]
    gates: tuple[GateYield, ...]


class FlowReport(Answer):
    """How versions flow through their stages."""

    project: ProjectName | None
    application: ApplicationName | None
    since: Utc
    until: Utc
    zone: str
    whole: FlowPeriod
    denials: tuple[DenialReason, ...]
    """The most frequent ones first, at most 50."""
    denial_reasons: int
    """How many there are."""
    waiting: tuple[WaitingNow, ...]
    """Now, whatever the window; `queue` is the promotion queue."""
    by: MetricPeriod | None
    series: tuple[FlowPeriod, ...] = ()


class ShowFlow(Query):
    """Where does time go between stages, what are promotions stopped by, and what passes at once?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.flow.show.v1"
    answer: ClassVar[type[Answer]] = FlowReport
    project: ProjectName | None = None
    application: ApplicationName | None = None
    since: Utc | None = None
    until: Utc | None = None
    by: MetricPeriod | None = None
    zone: ZoneName = "UTC"


class KindCoverage(Frozen):
    """Evidence of one kind on a version."""

    kind: str
    count: int
    verified: int
    newest: Utc | None
    """When the newest that counts was made."""


class StageCoverage(Frozen):
    """The evidence on what stands in a stage."""

    application: ApplicationName
    stage: StageName
    version: VersionName
    version_digest: Digest
    since: Utc
    evidence: tuple[KindCoverage, ...]
    signed_share: float | None
    """Verified evidence as a share of all; None without any."""
    sbom_age_seconds: float | None
    """Since the newest bill of materials that counts was made; None without one."""


class WaiverDebt(Frozen):
    """Open waivers of one age, or with so much time left."""

    label: Literal["up to 7 days", "7 to 30 days", "30 to 90 days", "more than 90 days"]
    since_granted: int
    """How many were granted so long ago."""
    until_expiry: int
    """How many expire in so long."""


class SeverityRemediation(Frozen):
    """How soon alerts of one severity were closed."""

    severity: str
    closed: int
    mean_seconds: float
    in_time: int
    """Closed no later than they were due."""


class CoverageReport(Answer):
    """What is known of what stands."""

    project: ProjectName
    application: ApplicationName | None
    at: Utc
    stages: tuple[StageCoverage, ...]
    """By application and stage."""
    waivers: tuple[WaiverDebt, ...]
    remediation: tuple[SeverityRemediation, ...]
    """Alerts closed in the window; empty where none was."""
    since: Utc
    next: str | None = None


class ShowCoverage(Query):
    """Which evidence is there for what stands in the stages of a project, and which debts are open?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.coverage.show.v1"
    answer: ClassVar[type[Answer]] = CoverageReport
    project: ProjectName
    application: ApplicationName | None = None
    since: Utc | None = None
    """Of the alerts that were closed; absent: 90 days ago."""
    after: str | None = None
    limit: PageLimit = 50
