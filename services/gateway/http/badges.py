"""Badges: the one thing that is shown without a login, and only where the project says so."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from contracts.monitoring.v1.queries import ShowTrust
from contracts.monitoring.v1.views import ReleaseTrust
from contracts.registry.v1.queries import ShowProject, ShowVersion
from contracts.registry.v1.views import ProjectView, VersionView
from contracts.vocabulary import ApplicationName, ProjectName, Trust, VersionName
from services.gateway.asking import Asking
from services.gateway.auth import Here, asking_for
from services.gateway.badge import badge
from services.gateway.parts import ITSELF
from shared.errors import NotFound

router = APIRouter(tags=["badges"])


@router.get("/badge/{project}/{application}/{version}.svg", operation_id="ShowBadge", response_class=Response)
async def show_badge(
    project: ProjectName, application: ApplicationName, version: VersionName, request: Request, here: Here
) -> Response:
    """Get a picture that says whether a release may be relied on, where the project shows badges to everybody."""
    asking = asking_for(here, request, ITSELF)
    try:
        shown = await asking.ask_as(ShowProject(project=project), ProjectView)
        if not shown.public_badges:
            raise _unknown()
        which = ShowVersion(project=project, application=application, version=version)
        moved = await asking.ask_as(which, VersionView)
    except NotFound as error:
        # Whoever may not see a project learns nothing about what is in it.
        raise _unknown() from error
    trust = await _trust(asking, ShowTrust(project=project, application=application, version=version))
    drawn = badge(trust, version, status=moved.release_status, waivers=_waivers(moved))
    return Response(drawn, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=60"})


def _waivers(version: VersionView) -> int:
    """How many waivers its newest release needed."""
    release_stages = {stage.name for stage in version.lifecycle if stage.release}
    releases = [move for move in version.history if move.to_stage in release_stages]
    return len(releases[-1].waivers) if releases else 0


async def _trust(asking: Asking, query: ShowTrust) -> Trust | None:
    try:
        return (await asking.ask_as(query, ReleaseTrust)).trust
    except NotFound:
        return None


def _unknown() -> NotFound:
    return NotFound(
        "badge_unknown",
        "There is no such badge, or its project does not show badges to everybody.",
        remedy="Check the path; an administrator of the project can set public_badges.",
    )
