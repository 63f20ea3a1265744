"""The first page: which projects there are."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from contracts.registry.v1.queries import ListProjects
from contracts.registry.v1.views import ProjectPage
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed

router = APIRouter()


@router.get("/")
async def show_overview(request: Request, viewer: Viewed) -> Response:
    """What there is."""
    projects = await viewer.ask(ListProjects(), ProjectPage)
    return page(request, "overview.html", viewer, projects=projects.projects)
