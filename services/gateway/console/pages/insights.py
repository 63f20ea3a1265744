"""Insights: how fast and how safely is delivered, where time goes, and how well what stands is covered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.message import Query as Question
from contracts.monitoring.v1.metrics import (
    CoverageReport,
    DeliveryReport,
    FlowReport,
    MetricPeriod,
    ShowCoverage,
    ShowDelivery,
    ShowFlow,
)
from contracts.registry.v1.queries import ListProjects, ShowProject
from contracts.registry.v1.views import ProjectPage, ProjectView
from contracts.vocabulary import ApplicationName, ProjectName, Role
from services.gateway.auth import Here
from services.gateway.console import insight_views as views
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed, Viewer
from services.gateway.metric_tables import coverage_table, delivery_table, flow_table
from shared import tables
from shared.identity import EVERYWHERE

router = APIRouter()
_TABLES: dict[str, tuple[type[Question], Callable[[dict[str, Any]], tuple[list[str], list[list[Any]]]]]] = {
    "delivery": (ShowDelivery, delivery_table),
    "flow": (ShowFlow, flow_table),
    "coverage": (ShowCoverage, coverage_table),
}
_STAGES = 50


@dataclass(frozen=True)
class Window:
    """What the page is about: which time, in which periods, and of which application."""

    application: str | None
    by: MetricPeriod
    days: int
    now: datetime

    @property
    def fields(self) -> dict[str, Any]:
        """As questions say it."""
        return {"application": self.application, "since": self.now - timedelta(days=self.days), "by": self.by}

    @property
    def query(self) -> str:
        """As addresses say it."""
        application = f"&application={self.application}" if self.application else ""
        return f"by={self.by.value}&days={self.days}{application}"


def window_of(
    here: Here,
    application: Annotated[ApplicationName | Literal[""], Query()] = "",
    by: Annotated[MetricPeriod, Query()] = MetricPeriod.WEEK,
    days: Annotated[int, Query(ge=1, le=1100)] = 90,
) -> Window:
    """What the address says. Raises `RequestValidationError`."""
    return Window(application or None, by, days, here.clock())


Windowed = Annotated[Window, Depends(window_of)]


@router.get("/insights")
async def show_all_insights(request: Request, viewer: Viewed, window: Windowed) -> Response:
    """Over all projects, for those who may see all of them; for everybody the way to each project."""
    projects = asyncio.ensure_future(viewer.ask(ListProjects(), ProjectPage))
    reports = None
    if viewer.may(EVERYWHERE, *Role):
        fields = window.fields | {"application": None}
        delivery, flow = await viewer.ask_both(
            (ShowDelivery.model_validate(fields), DeliveryReport), (ShowFlow.model_validate(fields), FlowReport)
        )
        reports = _reports(delivery, flow, window)
    return page(request, "insights/all.html", viewer, window=window, projects=await projects, reports=reports)


@router.get("/projects/{project}/insights")
async def show_insights(
    request: Request,
    viewer: Viewed,
    window: Windowed,
    project: ProjectName,
    after: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Of one project, or one application of it."""
    fields = window.fields | {"project": project}
    covered = {name: value for name, value in fields.items() if name != "by"} | {"after": after, "limit": _STAGES}
    known, delivery, flow, coverage = await asyncio.gather(
        viewer.ask(ShowProject(project=project), ProjectView),
        viewer.ask(ShowDelivery.model_validate(fields), DeliveryReport),
        viewer.ask(ShowFlow.model_validate(fields), FlowReport),
        viewer.ask(ShowCoverage.model_validate(covered), CoverageReport),
    )
    kinds = views.kinds_of(coverage)
    return page(
        request,
        "insights/project.html",
        viewer,
        project=project,
        title=known.title or project,
        window=window,
        reports=_reports(delivery, flow, window),
        coverage=coverage,
        kinds=kinds,
        rows=views.coverage_rows(coverage, kinds),
        debt=views.debt_chart(coverage),
        tone=views.tone,
    )


@router.get("/insights/{table}.csv")
async def all_as_csv(viewer: Viewed, window: Windowed, table: Literal["delivery", "flow"]) -> Response:
    """The numbers of all projects for a spreadsheet."""
    return await _as_csv(viewer, table, window.fields | {"application": None}, "all")


@router.get("/projects/{project}/insights/{table}.csv")
async def as_csv(
    viewer: Viewed,
    window: Windowed,
    project: ProjectName,
    table: Literal["delivery", "flow", "coverage"],
    after: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """The numbers of one project for a spreadsheet."""
    fields = window.fields | {"project": project}
    if table == "coverage":
        fields |= {"after": after, "limit": _STAGES}
    return await _as_csv(viewer, table, fields, project)


async def _as_csv(viewer: Viewer, table: str, fields: dict[str, Any], of: str) -> Response:
    kind, made = _TABLES[table]
    answer = await viewer.asking.ask(kind.model_validate(fields))
    headers = {"content-disposition": f'attachment; filename="{of}-{table}.csv"'}
    if answer.get("next"):
        headers["hallmark-next"] = answer["next"]
    return Response(tables.csv_text(*made(answer)), media_type=tables.MEDIA_TYPE, headers=headers)


def _reports(delivery: DeliveryReport, flow: FlowReport, window: Window) -> dict[str, Any]:
    return {
        "cards": views.cards(delivery, window.by),
        "delivery": delivery,
        "flow": flow,
        "ended": views.ended_chart(flow, window.by),
        "took": views.took_chart(flow, window.by),
        "dwell": views.dwell_chart(flow),
        "waited": views.waited_chart(flow),
    }
