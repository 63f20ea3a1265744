"""Export of a version's offline bundle."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from contracts.registry.v1.queries import ShowVersion
from contracts.vocabulary import ApplicationName, Digest, ProjectName, VersionName
from services.gateway.auth import Here, SignedIn
from services.gateway.bundle import Since
from services.gateway.gathering import gather
from services.gateway.openapi import answered_as

router = APIRouter(tags=["versions"])


@router.get(
    "/projects/{project}/applications/{application}/versions/{version}/bundle",
    operation_id="ExportBundle",
    response_class=Response,
    responses=answered_as("application/zip", {"type": "string", "format": "binary"}),
)
async def export_bundle(
    *,
    project: ProjectName,
    application: ApplicationName,
    version: VersionName,
    here: Here,
    asking: SignedIn,
    since_size: Annotated[int | None, Query(ge=1, description="Size of an earlier state of the log.")] = None,
    since_root: Annotated[Digest | None, Query(description="Its root hash.")] = None,
) -> Response:
    """Get everything that proves what was decided on a version, to be verified without any server.

    With an earlier state of the log it holds the proof that the log only grew since.
    """

    async def read_blob(digest: Digest) -> bytes:
        return await here.blobs.get(project, digest, asking.actor_token())

    which = ShowVersion(project=project, application=application, version=version)
    since = Since(since_size, since_root) if since_size and since_root else None
    bundle, shown = await gather(asking, which, read_blob, max_bytes=here.settings.max_bundle_bytes, since=since)
    content = await asyncio.to_thread(bundle.zipped, shown)
    name = f"{project}-{application}-{version}.hallmark.zip"
    return Response(
        content, media_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
