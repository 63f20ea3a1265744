"""Signing in with an access token, and signing out."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.gateway.auth import Here, caller_behind, gateway_of
from services.gateway.console import cookies
from services.gateway.console.beginning import begin_session, counted, own_path
from services.gateway.console.rendering import page
from services.gateway.console.viewing import SentByGuest, refuse_foreign
from services.gateway.sessions import COOKIE, Means
from services.gateway.tokens import token_id_of
from shared.errors import Unauthenticated
from shared.logs import log
from shared.oidc.token import looks_like_token

router = APIRouter()


def sign_in_page(request: Request, then: str = "/", problem: Unauthenticated | None = None) -> Response:
    """The page on which one signs in, and why it did not work out."""
    settings = gateway_of(request).settings
    host = urlsplit(settings.sign_in_issuer).hostname or ""
    return page(
        request,
        "sign_in.html",
        None,
        status=401 if problem else 200,
        then=own_path(then),
        problem=problem,
        issuer=settings.sign_in_name or host,
    )


@router.get("/sign-in")
async def show_sign_in(request: Request, then: Annotated[str, Query(max_length=2000)] = "/") -> Response:
    """The page on which one signs in."""
    return sign_in_page(request, then)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    here: Here,
    token: Annotated[str, Form(max_length=200)],
    then: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Begin a session for whoever brings an access token."""
    refuse_foreign(request)
    secret = token.strip()
    token_id = token_id_of(secret)
    try:
        async with counted(request, here, Means.TOKEN, f"token {token_id}"):
            if looks_like_token(secret):
                raise Unauthenticated(
                    "token_of_run", "ID tokens of pipelines sign nobody in.", remedy="Use an access token."
                )
            caller = await caller_behind(here, secret)
    except Unauthenticated as error:
        return sign_in_page(request, then, error)
    answer = RedirectResponse(own_path(then), 303)
    who = caller.actor.subject
    await begin_session(request, here, answer, means=Means.TOKEN, holder=token_id, who=who)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, here: Here, form: SentByGuest) -> Response:
    """End the session: its cookie opens nothing from now on, wherever it was copied to."""
    await here.sessions.end(form.viewer.session.session_id)
    log.info("signed out", subject=form.viewer.subject)
    answer = RedirectResponse("/sign-in", 303)
    cookies.drop(request, answer, COOKIE)
    return answer
