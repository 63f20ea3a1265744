"""One's own sessions, and ending them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.gateway.auth import Here
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Guest, SentByGuest
from shared.logs import log

router = APIRouter()
_PAGE = "/settings/sessions"


@router.get(_PAGE)
async def list_sessions(request: Request, here: Here, guest: Guest) -> Response:
    """Where one is signed in."""
    now = here.clock()
    sessions = [one for one in await here.sessions.of(guest.session.holder) if not one.is_over(now)]
    return page(request, "people/sessions.html", guest, sessions=sessions)


@router.post(_PAGE + "/end-others")
async def end_others(here: Here, form: SentByGuest) -> Response:
    """Stay signed in here only."""
    own = form.viewer.session
    ended = await here.sessions.end_others(own.holder, own.session_id)
    log.info("sessions ended", holder=form.viewer.subject, ended=ended, by=form.viewer.subject)
    return RedirectResponse(_PAGE, 303)


@router.post(_PAGE + "/{session_id}/end")
async def end_session(
    session_id: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], here: Here, form: SentByGuest
) -> Response:
    """End one of one's own sessions; somebody else's stays as it is."""
    ended = await here.sessions.end(session_id, form.viewer.session.holder)
    log.info("sessions ended", holder=form.viewer.subject, ended=ended, by=form.viewer.subject)
    return RedirectResponse(_PAGE, 303)
