"""What people do with alerts, and ask about them."""

from __future__ import annotations

from contracts.monitoring.v1.alerts import (
    AcknowledgeAlert,
    AlertPage,
    AlertView,
    AssignAlert,
    ListAlerts,
    ShowAlert,
    SnoozeAlert,
)
from contracts.vocabulary import Role
from services.monitoring.domain.alerting import Step
from services.monitoring.domain.alerts import Alert, acknowledged, assigned, snoozed
from services.monitoring.handlers import HANDLERS
from services.monitoring.handlers.alerting import take
from services.monitoring.storage.alerts import ALERTS, alert_page
from services.monitoring.storage.unit_of_work import MonitoringWork
from services.monitoring.wire_alerts import alert_view

DEALING = (Role.SECURITY, Role.RELEASE_MANAGER, Role.CONTRIBUTOR)
"""Who may say that an alert is dealt with, and by whom."""
POSTPONING = (Role.SECURITY, Role.RELEASE_MANAGER)
"""Who may put one out of sight."""


@HANDLERS.command(AcknowledgeAlert)
async def acknowledge_alert(command: AcknowledgeAlert, work: MonitoringWork) -> AlertView:
    """Somebody deals with it."""
    alert = await _for(work, command.project, command.alert_id, DEALING)
    by = work.unit.caller.actor.subject
    return await _kept(work, alert, acknowledged(alert, by, command.reason, work.unit.now))


@HANDLERS.command(SnoozeAlert)
async def snooze_alert(command: SnoozeAlert, work: MonitoringWork) -> AlertView:
    """It is put aside until a moment."""
    alert = await _for(work, command.project, command.alert_id, POSTPONING)
    by = work.unit.caller.actor.subject
    return await _kept(work, alert, snoozed(alert, command.until, by, command.reason, work.unit.now))


@HANDLERS.command(AssignAlert)
async def assign_alert(command: AssignAlert, work: MonitoringWork) -> AlertView:
    """It is somebody's, or nobody's."""
    alert = await _for(work, command.project, command.alert_id, DEALING)
    by = work.unit.caller.actor.subject
    return await _kept(work, alert, assigned(alert, command.assignee, by, command.reason, work.unit.now))


@HANDLERS.query(ShowAlert)
async def show_alert(query: ShowAlert, work: MonitoringWork) -> AlertView:
    """What is it about, and what became of it?"""
    work.unit.caller.require_entry(query.project)
    alert = await work.alerts.get(query.project, query.alert_id)
    work.unit.caller.require_member(query.project, alert.application)
    return alert_view(alert, work.unit.now)


@HANDLERS.query(ListAlerts)
async def list_alerts(query: ListAlerts, work: MonitoringWork) -> AlertPage:
    """Which alerts of a project are there?"""
    work.unit.caller.require_member(query.project, query.application)
    found, following = await alert_page(work.unit.collection(ALERTS), query, work.unit.now)
    views = tuple(alert_view(one, work.unit.now, whole=False) for one in found)
    return AlertPage(alerts=views, next=following)


async def _for(work: MonitoringWork, project: str, alert_id: str, roles: tuple[Role, ...]) -> Alert:
    work.unit.caller.require_entry(project)
    alert = await work.alerts.get(project, alert_id)
    work.unit.caller.require(project, *roles, application=alert.application)
    return alert


async def _kept(work: MonitoringWork, before: Alert, after: Alert) -> AlertView:
    if after != before:
        await take(work, [Step(before, after)])
    return alert_view(after, work.unit.now)
