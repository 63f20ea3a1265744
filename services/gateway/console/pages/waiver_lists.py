"""Waivers by their end: in one project, and wherever the viewer may look."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.gate.v1.waivers import ListStandingWaivers, ListWaivers, WaiverPage, WaiverState
from contracts.registry.v1.queries import ListProjects
from contracts.registry.v1.views import ProjectPage
from contracts.vocabulary import ProjectName, Role
from services.gateway.auth import Here
from services.gateway.console import waiver_list_views
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed, Viewer

router = APIRouter()
ASKERS = (Role.CONTRIBUTOR, Role.RELEASE_MANAGER, Role.SECURITY)
_PER_PAGE = 50
After = Annotated[str | None, Query(max_length=100)]


@router.get("/waivers")
async def show_all(request: Request, viewer: Viewed, here: Here, after: After = None) -> Response:
    """All exceptions that are asked for or in force, those that end first leading."""
    found, projects = await asyncio.gather(
        viewer.ask(ListStandingWaivers(after=after, limit=_PER_PAGE), WaiverPage),
        viewer.ask(ListProjects(limit=_PER_PAGE), ProjectPage),
    )
    return _shown(request, viewer, here, found, live="", projects=projects.projects, state=None, may_ask=False)


@router.get("/projects/{project}/waivers")
async def show_project(
    *,
    request: Request,
    viewer: Viewed,
    here: Here,
    project: ProjectName,
    state: Annotated[WaiverState | None, Query()] = None,
    after: After = None,
) -> Response:
    """Those of one project: open ones, or those in one state."""
    query = (
        ListWaivers(project=project, state=state, after=after, limit=_PER_PAGE)
        if state
        else ListStandingWaivers(project=project, after=after, limit=_PER_PAGE)
    )
    found = await viewer.ask(query, WaiverPage)
    may_ask = viewer.may(project, *ASKERS)
    return _shown(
        request,
        viewer,
        here,
        found,
        project=project,
        live=f"project={project}",
        projects=(),
        state=state,
        may_ask=may_ask,
    )


def _shown(request: Request, viewer: Viewer, here: Here, found: WaiverPage, **values: Any) -> Response:
    now = here.clock()
    return page(
        request,
        "waiver_lists/show.html",
        viewer,
        axis=waiver_list_views.axis(found.waivers, now),
        counts=waiver_list_views.counts(found.waivers, now),
        more=found.next,
        ended=waiver_list_views.ENDED,
        ending=waiver_list_views.ending,
        **values,
    )
