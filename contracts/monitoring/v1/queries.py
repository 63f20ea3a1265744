"""What monitoring can be asked."""

from __future__ import annotations

from typing import ClassVar

from contracts.message import Answer, PageLimit, Query
from contracts.monitoring.v1.views import DeliveryMetrics, ReleaseTrust, RiskPage
from contracts.vocabulary import ApplicationName, ProjectName, Utc, VersionName


class ListRisk(Query):
    """Which releases of a project are at risk, or all of them with their trust?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.risk.list.v1"
    answer: ClassVar[type[Answer]] = RiskPage
    project: ProjectName
    application: ApplicationName | None = None
    all: bool = False
    """Also the releases that are not at risk."""
    after: str | None = None
    limit: PageLimit = 50


class ShowTrust(Query):
    """May this release still be relied on?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.trust.show.v1"
    answer: ClassVar[type[Answer]] = ReleaseTrust
    project: ProjectName
    application: ApplicationName
    version: VersionName


class ShowMetrics(Query):
    """How fast and how safely does a project, or one application, deliver?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.metrics.show.v1"
    answer: ClassVar[type[Answer]] = DeliveryMetrics
    project: ProjectName
    application: ApplicationName | None = None
    since: Utc | None = None
    """Absent: 90 days before `until`."""
    until: Utc | None = None
    """Absent: now."""
