"""Badges: the one thing that is shown without a login, and only where the project says so."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from contracts.monitoring.v1.queries import ShowTrust
from contracts.monitoring.v1.views import ReleaseTrust
from contracts.registry.v1.queries import ShowApplication, ShowProject, ShowVersion
from contracts.registry.v1.views import ApplicationView, ProjectView, VersionView
from contracts.vocabulary import ApplicationName, ProjectName, Trust, VersionName
from services.gateway.asking import Asking
from services.gateway.auth import Here, asking_for
from services.gateway.badge import badge
from services.gateway.openapi import answered_as
from services.gateway.parts import ITSELF
from shared.errors import NotFound

router = APIRouter(tags=["badges"])
_MEDIA_TYPE = "image/svg+xml"
_PICTURE = answered_as(_MEDIA_TYPE)


@router.get(
    "/badge/{project}/{application}/{version}.svg",
    operation_id="ShowBadge",
    response_class=Response,
    responses=_PICTURE,
)
async def show_badge(
    project: ProjectName, application: ApplicationName, version: VersionName, request: Request, here: Here
) -> Response:
    """Get a picture that says whether a release may be relied on, where the project shows badges to everybody."""
    asking = asking_for(here, request, ITSELF)
    await _public(asking, project)
    try:
        drawn = await drawn_badge(asking, ShowVersion(project=project, application=application, version=version))
    except NotFound as error:
        raise _unknown() from error
    return _picture(drawn)


@router.get(
    "/badge/{project}/{application}.svg",
    operation_id="ShowApplicationBadge",
    response_class=Response,
    responses=_PICTURE,
)
async def show_application_badge(
    project: ProjectName, application: ApplicationName, request: Request, here: Here
) -> Response:
    """Get a picture of the version that is current in an application's release stage, and whether to rely on it."""
    asking = asking_for(here, request, ITSELF)
    known = await _public(asking, project)
    try:
        shown = await asking.ask_as(ShowApplication(project=project, application=application), ApplicationView)
    except NotFound as error:
        raise _unknown() from error
    released = released_version(shown, known)
    if released is None:
        return _picture(badge(None, application))
    which = ShowVersion(project=project, application=application, version=released)
    return _picture(await drawn_badge(asking, which, named=True))


async def drawn_badge(asking: Asking, which: ShowVersion, *, named: bool = False) -> str:
    """The badge of one version, whoever may see it. Raises `NotFound` for an unknown one."""
    query = ShowTrust(project=which.project, application=which.application, version=which.version)
    moved, trust = await asyncio.gather(asking.ask_as(which, VersionView), _trust(asking, query))
    return badge(trust, which.version, status=moved.release_status, waivers=_waivers(moved), named=named)


def released_version(application: ApplicationView, project: ProjectView) -> VersionName | None:
    """The version that is current in the application's first release stage that has one."""
    lifecycle = next((one for one in project.lifecycles if one.lifecycle == application.lifecycle), None)
    release_stages = [stage.name for stage in lifecycle.stages if stage.release] if lifecycle else []
    standing = {one.stage: one.version for one in application.board}
    return next((found for stage in release_stages if (found := standing.get(stage))), None)


async def _public(asking: Asking, project: ProjectName) -> ProjectView:
    """The project, if it shows badges to everybody: whoever may not see it learns nothing about what is in it."""
    try:
        shown = await asking.ask_as(ShowProject(project=project), ProjectView)
    except NotFound as error:
        raise _unknown() from error
    if not shown.public_badges:
        raise _unknown()
    return shown


def _picture(drawn: str) -> Response:
    return Response(drawn, media_type=_MEDIA_TYPE, headers={"Cache-Control": "public, max-age=60"})


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
