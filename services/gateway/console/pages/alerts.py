"""Alerts of a project: what somebody has to deal with, until when, and the tables that deadlines come from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.alerting import AlertState
from contracts.monitoring.v1.alerts import (
    AcknowledgeAlert,
    AlertId,
    AlertPage,
    AlertView,
    AssignAlert,
    ListAlerts,
    ShowAlert,
    SnoozeAlert,
)
from contracts.monitoring.v1.sla import ShowSlaTable, SlaTableAnswer
from contracts.vocabulary import ProjectName, Role, Severity
from services.gateway.auth import Here
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Sent, Viewed
from shared.errors import Invalid

router = APIRouter()
DEALING = (Role.SECURITY, Role.RELEASE_MANAGER, Role.CONTRIBUTOR)
POSTPONING = (Role.SECURITY, Role.RELEASE_MANAGER)
_FILTERS = ("application", "state", "severity", "assignee", "owner", "overdue")
_LISTED = 50


@router.get("/projects/{project}/alerts")
async def list_alerts(
    request: Request,
    here: Here,
    viewer: Viewed,
    project: ProjectName,
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Those that are not closed, the nearest deadline first; or those that the filters name."""
    chosen = {name: value for name in _FILTERS if (value := request.query_params.get(name, "").strip())}
    wanted: dict[str, Any] = {"project": project, "after": after, "limit": _LISTED, **chosen}
    found = await viewer.ask(ListAlerts.model_validate(wanted), AlertPage)
    return page(
        request,
        "alerts/list.html",
        viewer,
        project=project,
        live=f"project={project}",
        alerts=found,
        chosen=chosen,
        states=[("", "not closed"), *((one.value, one.value) for one in AlertState)],
        severities=[("", "any"), *((one.value, one.value) for one in reversed(Severity))],
        at=here.clock(),
    )


@router.get("/projects/{project}/alerts/{alert_id}")
async def show_alert(request: Request, here: Here, viewer: Viewed, project: ProjectName, alert_id: AlertId) -> Response:
    """What it is about, what became of it, and what the viewer may do."""
    found = await viewer.ask(ShowAlert(project=project, alert_id=alert_id), AlertView)
    now = here.clock()
    return page(
        request,
        "alerts/show.html",
        viewer,
        project=project,
        live=f"project={project}",
        alert=found,
        may_deal=viewer.may(project, *DEALING),
        may_postpone=viewer.may(project, *POSTPONING),
        can_wait=found.escalated_at is None and now < found.due,
        at=now,
    )


@router.post("/projects/{project}/alerts/{alert_id}/acknowledge")
async def acknowledge(form: Sent, project: ProjectName, alert_id: AlertId) -> Response:
    """Say that somebody deals with it."""
    await form.send(AcknowledgeAlert, AlertView, project=project, alert_id=alert_id, reason=form.text("reason"))
    return _back(project, alert_id)


@router.post("/projects/{project}/alerts/{alert_id}/snooze")
async def snooze(form: Sent, project: ProjectName, alert_id: AlertId) -> Response:
    """Put it aside until a moment."""
    until = _moment(form.needed("until", "Until when"))
    reason = form.needed("reason", "The reason")
    await form.send(SnoozeAlert, AlertView, project=project, alert_id=alert_id, until=until, reason=reason)
    return _back(project, alert_id)


@router.post("/projects/{project}/alerts/{alert_id}/assign")
async def assign(form: Sent, project: ProjectName, alert_id: AlertId) -> Response:
    """Give it to somebody, or to nobody."""
    fields = {"assignee": form.text("assignee") or None, "reason": form.text("reason")}
    await form.send(AssignAlert, AlertView, project=project, alert_id=alert_id, **fields)
    return _back(project, alert_id)


@router.get("/projects/{project}/sla")
async def show_sla(request: Request, viewer: Viewed, project: ProjectName) -> Response:
    """Until when flaws must be gone."""
    table = await viewer.ask(ShowSlaTable(project=project), SlaTableAnswer)
    levels = ("critical", "high", "medium", "low")
    return page(request, "alerts/sla.html", viewer, project=project, table=table, levels=levels)


def _back(project: str, alert_id: str) -> Response:
    return RedirectResponse(f"/projects/{project}/alerts/{alert_id}", 303)


def _moment(written: str) -> datetime:
    """What a field for date and time sends; it is in UTC, as its label says."""
    try:
        return datetime.fromisoformat(written).replace(tzinfo=UTC)
    except ValueError as error:
        raise Invalid(
            "moment_malformed", "That is no date with a time.", remedy="Write it as 2026-12-24T12:00, in UTC."
        ) from error
