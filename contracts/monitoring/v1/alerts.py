"""Alerts: what somebody has to deal with, until when, and what became of it.

- One alert stands for one cause: a flaw in one component of a current release, distrusted evidence behind it, or a rule
  that admitted it and would not any more.
- It opens when the cause comes and closes when the cause is gone. People acknowledge, snooze and assign it; nobody
  closes it by hand: that takes a fix, a waiver, a rollback, or a statement that the flaw does not apply.
- A severity that rises, or exploitation that begins, closes it as `raised` and opens another, which names it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from contracts.alerting import AlertChange, AlertEntry, AlertKind, AlertState, ClosedBy
from contracts.message import Answer, Command, Event, PageLimit, Query
from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    ProjectName,
    Severity,
    StageName,
    Utc,
    VersionName,
)

AlertId = Annotated[str, StringConstraints(pattern=r"^al-[0-9a-f]{24}$")]
Subject = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
"""Somebody who signs in here: visible ASCII, so that no name looks like another one."""
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
AlertPlace = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]


class AlertView(Answer):
    """One alert."""

    alert_id: AlertId
    project: ProjectName
    application: ApplicationName
    version: VersionName
    stage: StageName
    kind: AlertKind
    name: str
    """The flaw's CVE id, else the first of its ids; of distrusted evidence its id; of a rule `policy/rule@stage`."""
    aliases: tuple[str, ...] = ()
    component: str = ""
    """The package URL; empty for evidence and rules."""
    severity: Severity
    exploited: bool = False
    """In the catalogue of known exploited vulnerabilities."""
    summary: str = ""
    fixed_in: str | None = None
    criticality: Criticality
    owners: tuple[str, ...]
    state: AlertState
    assignee: str | None = None
    since: Utc
    """When the cause was first seen in this release."""
    opened_at: Utc
    due: Utc
    """By when the cause must be gone."""
    overdue: bool
    """Past its deadline, whether it is closed by now or not."""
    snoozed_until: Utc | None = None
    acknowledged_at: Utc | None = None
    acknowledged_by: str | None = None
    escalated_at: Utc | None = None
    closed_at: Utc | None = None
    closed_by: ClosedBy | None = None
    because: str = ""
    """What happened when it closed, in a sentence."""
    met: bool | None = None
    """Whether it closed within its deadline; None while it is not closed."""
    follows: AlertId | None = None
    """The alert about the same cause before this one."""
    replaced_by: AlertId | None = None
    occurrence: int = 1
    """Counts the alerts about this cause, from 1."""
    history: tuple[AlertEntry, ...] = ()
    """The newest 50 changes, the oldest first. Left out of lists."""


class AlertPage(Answer):
    """Alerts, those with the nearest deadline first."""

    alerts: tuple[AlertView, ...]
    next: str | None = None


class ListAlerts(Query):
    """Which alerts of a project are there, the nearest deadline first?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.alert.list.v1"
    answer: ClassVar[type[Answer]] = AlertPage
    project: ProjectName
    application: ApplicationName | None = None
    state: AlertState | None = None
    """Absent: all that are not closed."""
    assignee: Subject | None = None
    owner: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """An owner of the application."""
    severity: Severity | None = None
    overdue: bool = False
    """Only those past their deadline."""
    after: AlertPlace | None = None
    limit: PageLimit = 50


class ShowAlert(Query):
    """What is an alert about, and what became of it?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.alert.show.v1"
    answer: ClassVar[type[Answer]] = AlertView
    project: ProjectName
    alert_id: AlertId


class AcknowledgeAlert(Command):
    """Say that somebody is dealing with it. Its deadline stays."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.alert.acknowledge.v1"
    answer: ClassVar[type[Answer]] = AlertView
    project: ProjectName
    alert_id: AlertId
    reason: Reason = ""


class SnoozeAlert(Command):
    """Put it aside until a moment, at the latest until its deadline."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.alert.snooze.v1"
    answer: ClassVar[type[Answer]] = AlertView
    project: ProjectName
    alert_id: AlertId
    until: Utc
    reason: Annotated[Reason, Field(min_length=1)]


class AssignAlert(Command):
    """Give it to somebody, or take it from everybody."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.alert.assign.v1"
    answer: ClassVar[type[Answer]] = AlertView
    project: ProjectName
    alert_id: AlertId
    assignee: Subject | None = None
    """Absent: nobody."""
    reason: Reason = ""


class _AlertFact(Event):
    """What every fact about an alert says."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    alert_id: AlertId
    kind: AlertKind
    name: str
    component: str
    severity: Severity
    exploited: bool
    criticality: Criticality
    owners: tuple[str, ...]
    assignee: str | None
    due: Utc
    at: Utc


class AlertOpened(_AlertFact):
    """There is something to deal with, or it became worse, or came back."""

    subject: ClassVar[str] = "hallmark.evt.monitoring.alert.opened.v1"
    aliases: tuple[str, ...] = ()
    summary: str = ""
    fixed_in: str | None = None
    since: Utc
    follows: AlertId | None = None
    occurrence: int = 1


class AlertChanged(_AlertFact):
    """An alert was acknowledged, put aside, taken up again, assigned, or its deadline passed or is another."""

    subject: ClassVar[str] = "hallmark.evt.monitoring.alert.changed.v1"
    change: AlertChange
    state: AlertState
    snoozed_until: Utc | None = None
    by: str | None = None
    reason: str = ""


class AlertClosed(_AlertFact):
    """What an alert was about is gone, or another alert goes on with it."""

    subject: ClassVar[str] = "hallmark.evt.monitoring.alert.closed.v1"
    closed_by: ClosedBy
    because: str
    opened_at: Utc
    met: bool
    """Whether it closed within its deadline."""
    replaced_by: AlertId | None = None
