"""Exceptions: asked for by one person, granted or refused by another, ended before their time."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.gate.v1.queries import ShowPolicy
from contracts.gate.v1.views import PolicyView
from contracts.gate.v1.waivers import DecideWaiver, RequestWaiver, RevokeWaiver, ShowWaiver, WaiverView
from contracts.vocabulary import ApplicationName, PolicyName, ProjectName, Role, StageName
from services.gateway import links
from services.gateway.auth import Here
from services.gateway.console import waiver_views
from services.gateway.console.answering import known
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Sent, Viewed

router = APIRouter()
_ALL = "/projects/{project}/waivers"
_ONE = f"{_ALL}/{{waiver_id}}"
_USUAL_DAYS = 30
ASKERS = (Role.CONTRIBUTOR, Role.RELEASE_MANAGER, Role.SECURITY)
Word = Annotated[str, Query(max_length=1024)]


@router.get(f"{_ALL}/new")
async def show_form(
    *,
    request: Request,
    viewer: Viewed,
    here: Here,
    project: ProjectName,
    application: Annotated[ApplicationName | None, Query()] = None,
    policy: Annotated[PolicyName | None, Query()] = None,
    rule: Word = "",
    stage: Annotated[StageName | None, Query()] = None,
    artifact: Word = "",
    component: Word = "",
    vulnerability: Word = "",
    severity: Word = "",
    version: Word = "",
    promotion: Word = "",
) -> Response:
    """The form on which an exception is asked for, filled in as far as the page before knew."""
    terms = waiver_views.Terms()
    if policy:
        shown = await known(viewer, ShowPolicy(project=project, policy=policy), PolicyView)
        terms = waiver_views.terms_of(shown)
    filled = {
        "application": application or "",
        "policy": policy or "",
        "rule": rule,
        "stage": stage or "",
        "artifact": artifact,
        "component": component,
        "vulnerability": vulnerability,
        "severity": severity,
        "version": version,
        "promotion": promotion,
    }
    suggested = here.clock() + timedelta(days=min(terms.longest_days - 1, _USUAL_DAYS))
    return page(
        request,
        "waivers/ask.html",
        viewer,
        project=project,
        filled=filled,
        terms=terms,
        severities=waiver_views.severities(severity),
        until=suggested.date().isoformat(),
        may_ask=viewer.may(project, *ASKERS),
    )


@router.post(_ALL)
async def request_waiver(project: ProjectName, form: Sent, here: Here) -> Response:
    """Ask for an exception. It counts for nothing until somebody else grants it."""
    parts = ("artifact", "component", "vulnerability")
    asked = await form.send(
        RequestWaiver,
        WaiverView,
        project=project,
        application=form.needed("application", "The application"),
        policy=form.needed("policy", "The policy"),
        rule=form.needed("rule", "The rule"),
        stage=form.needed("stage", "The stage"),
        waives={name: found for name in parts if (found := form.text(name))},
        max_severity=form.text("max_severity") or None,
        reason=form.needed("reason", "The reason"),
        expires_at=_end_of(form.needed("until", "The day it ends"), here.clock()),
    )
    return RedirectResponse(links.thing(project, "waivers", asked.waiver_id), 303)


@router.get(_ONE)
async def show_waiver(request: Request, viewer: Viewed, here: Here, project: ProjectName, waiver_id: str) -> Response:
    """What it is for, what became of it, and what can be done about it."""
    waiver = await viewer.ask(ShowWaiver(project=project, waiver_id=waiver_id), WaiverView)
    policy = await known(viewer, ShowPolicy(project=project, policy=waiver.policy), PolicyView)
    terms = waiver_views.terms_of(policy)
    return page(
        request,
        "waivers/show.html",
        viewer,
        project=project,
        live=f"project={project}&application={waiver.application}",
        waiver=waiver,
        terms=terms,
        history=waiver_views.history(waiver),
        is_open=waiver_views.is_open(waiver),
        left=waiver.expires_at - here.clock(),
        why_not_decide=waiver_views.why_not_decide(
            waiver, viewer.subject, terms, holds_role=viewer.may(project, terms.approver_role)
        ),
        may_revoke=viewer.subject in (waiver.requested_by, waiver.decided_by) or viewer.may(project, Role.SECURITY),
        application_path=links.application(project, waiver.application),
    )


@router.post(f"{_ONE}/{{decision}}")
async def decide(project: ProjectName, waiver_id: str, decision: str, form: Sent) -> Response:
    """Grant it, refuse it, or end it before its time."""
    of = {"project": project, "waiver_id": waiver_id, "reason": form.text("reason")}
    match decision:
        case "grant" | "refuse":
            word = {"grant": "granted", "refuse": "refused"}[decision]
            await form.send(DecideWaiver, WaiverView, **of, decision=word)
        case "revoke":
            await form.send(RevokeWaiver, WaiverView, **of)
        case _:
            raise waiver_views.unknown_decision(decision)
    return RedirectResponse(links.thing(project, "waivers", waiver_id), 303)


def _end_of(day: str, now: datetime) -> datetime:
    """The last moment of a day, in UTC. Raises `Invalid` for what is no day."""
    return datetime.combine(waiver_views.read_day(day), time.max, tzinfo=now.tzinfo)
