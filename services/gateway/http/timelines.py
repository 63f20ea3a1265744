"""Timelines: everything that happened to one version, in order."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from contracts.message import PageLimit
from contracts.registry.v1.queries import ShowVersion
from contracts.vocabulary import ApplicationName, ProjectName, VersionName
from services.gateway.auth import SignedIn
from services.gateway.gathering_timeline import gather_timeline
from services.gateway.timeline import Key, Timeline

router = APIRouter(tags=["versions"])


@router.get(
    "/projects/{project}/applications/{application}/versions/{version}/timeline",
    operation_id="ShowTimeline",
    response_model=Timeline,
)
async def show_timeline(
    *,
    project: ProjectName,
    application: ApplicationName,
    version: VersionName,
    asking: SignedIn,
    after: Annotated[Key | None, Query()] = None,
    limit: Annotated[PageLimit, Query()] = 200,
) -> JSONResponse:
    """What happened to a version, oldest first: evidence, verdicts, promotions, people's answers, waivers, trust."""
    which = ShowVersion(project=project, application=application, version=version)
    found = await gather_timeline(asking, which, after=after, limit=limit)
    return JSONResponse(found.model_dump(mode="json"))
