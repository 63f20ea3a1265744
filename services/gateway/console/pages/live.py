"""The live stream for pages: which facts there are, as they happen. A page then asks for its parts anew."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import StreamingResponse

from contracts.vocabulary import ApplicationName, ProjectName
from services.gateway.auth import Here
from services.gateway.console.viewing import NothingGranted, SignInNeeded, Viewed, still_signed_in, viewer_of
from services.gateway.events import StreamFormat
from services.gateway.http.stream import stream_to
from shared.errors import Unauthenticated

router = APIRouter()


@router.get("/news")
async def follow(
    *,
    request: Request,
    here: Here,
    viewer: Viewed,
    project: Annotated[ProjectName | None, Query()] = None,
    application: Annotated[ApplicationName | None, Query()] = None,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> StreamingResponse:
    """Follow what happens in the projects the viewer may see, as long as the session lasts."""

    async def still_there() -> None:
        try:
            now = await viewer_of(await still_signed_in(request, here))
        except (SignInNeeded, NothingGranted) as error:
            raise Unauthenticated("session_over", "The session is over.", remedy="Sign in again.") from error
        if now.caller.grants != viewer.caller.grants:
            # The browser comes back by itself, and hears what it may hear now.
            raise Unauthenticated("roles_changed", "Roles were given or taken.", remedy="Open the stream anew.")

    return await stream_to(
        here,
        viewer.caller,
        still_there,
        project=project,
        application=application,
        form=StreamFormat.HALLMARK,
        last_event_id=last_event_id,
        brief=True,
    )
