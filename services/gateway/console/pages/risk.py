"""Risk: over all projects, in one, and how far one flaw or package reaches."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.monitoring.v1.alerts import AlertPage, ListAlerts
from contracts.monitoring.v1.exposure import Exposure, PlanRemediation, RemediationPlan, ShowExposure
from contracts.monitoring.v1.outlook import RiskOutlook, RiskSurvey, ShowRiskOutlook, SurveyRisk
from contracts.monitoring.v1.queries import ListRisk
from contracts.monitoring.v1.running import DriftPage, ListDrift
from contracts.monitoring.v1.views import RiskPage
from contracts.registry.v1.queries import ListProjects, ShowProject
from contracts.registry.v1.views import ProjectPage, ProjectView
from contracts.vocabulary import ApplicationName, ProjectName
from services.gateway.auth import Here
from services.gateway.console import exposure_views, risk_views
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed

router = APIRouter()
_RELEASES, _FINDINGS, _FIXES, _DRIFTS = 20, 10, 10, 20
_BOUNDS = {"limit": 25, "count_to": 1_000}
"""People see that it is very many; programs may have 10,000 counted."""


@router.get("/risk")
async def show_all_risk(request: Request, here: Here, viewer: Viewed) -> Response:
    """Where risk is, over all projects that the viewer may see."""
    survey, projects = await viewer.ask_both((SurveyRisk(), RiskSurvey), (ListProjects(), ProjectPage))
    now = here.clock()
    return page(
        request,
        "risk/all.html",
        viewer,
        live="",
        survey=survey,
        risks={one.project: one for one in survey.projects},
        projects=projects,
        fresh=risk_views.freshness(survey.imports, survey.advisories, now),
        deadlines=risk_views.survey_chart(survey.due, survey.overdue, now),
        at=now,
    )


@router.get("/risk/exposure")
async def show_exposure(
    *,
    request: Request,
    viewer: Viewed,
    q: Annotated[str, Query(max_length=1024)] = "",
    bounds: Annotated[str, Query(max_length=200)] = "",
    project: Annotated[ProjectName | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """Which versions contain this flaw or package, where they are, and whose they are."""
    wanted = q.strip()
    found = None
    if wanted:
        about = (
            {"package": wanted, "bounds": bounds or None} if wanted.startswith("pkg:") else {"vulnerability": wanted}
        )
        question = ShowExposure.model_validate({**about, "project": project, "after": after, **_BOUNDS})
        found = await viewer.ask(question, Exposure)
    return page(
        request,
        "risk/exposure.html",
        viewer,
        project=project or "",
        q=wanted,
        bounds=bounds,
        exposure=found,
        flaws={flaw.advisory: flaw for flaw in found.flaws} if found else {},
        graph=exposure_views.graph(found, wanted) if found and found.versions else None,
        layers_width=exposure_views.WIDTH,
    )


@router.get("/projects/{project}/risk")
async def show_risk(
    *,
    request: Request,
    here: Here,
    viewer: Viewed,
    project: ProjectName,
    application: Annotated[ApplicationName | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """What is open in a project, until when, and what to fix first."""
    of = {"project": project, "application": application}
    known, risk, outlook, alerts, drift = await asyncio.gather(
        viewer.ask(ShowProject(project=project), ProjectView),
        viewer.ask(ListRisk.model_validate({**of, "after": after, "limit": _RELEASES}), RiskPage),
        viewer.ask(ShowRiskOutlook.model_validate(of), RiskOutlook),
        viewer.ask(ListAlerts.model_validate({**of, "limit": _FINDINGS}), AlertPage),
        viewer.ask(ListDrift.model_validate({**of, "limit": _DRIFTS}), DriftPage),
    )
    now = here.clock()
    return page(
        request,
        "risk/project.html",
        viewer,
        project=project,
        live=f"project={project}",
        title=known.title or project,
        application=application,
        risk=risk,
        outlook=outlook,
        alerts=alerts,
        drift=drift,
        fresh=risk_views.freshness(risk.imports, risk.advisories, now),
        soon=risk_views.due_within(outlook.due, now, risk_views.SOON),
        open_count=sum(outlook.open.values()),
        by_severity=risk_views.worst(outlook.open),
        headline=risk_views.headline,
        deadlines=risk_views.deadline_chart(outlook.due, now),
        stood=risk_views.open_chart(outlook.series, outlook.by),
        flow=risk_views.flow_chart(outlook.series, outlook.by),
        at=now,
    )


@router.get("/projects/{project}/remediation")
async def show_remediation(
    *,
    request: Request,
    here: Here,
    viewer: Viewed,
    project: ProjectName,
    application: Annotated[ApplicationName | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """Which steps remove most risk, in which order."""
    asked = {"project": project, "application": application, "after": after, "limit": _FIXES}
    plan = await viewer.ask(PlanRemediation.model_validate(asked), RemediationPlan)
    return page(
        request,
        "risk/remediation.html",
        viewer,
        project=project,
        live=f"project={project}",
        application=application,
        plan=plan,
        at=here.clock(),
    )
