"""Signing in and out."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.gateway.auth import Here, caller_behind
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Sent, refuse_foreign
from services.gateway.sessions import AT_MOST, COOKIE, begin, new_secret
from services.gateway.tokens import token_id_of
from shared.errors import Unauthenticated
from shared.oidc.token import looks_like_token

router = APIRouter()
_OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x1f]*")


def own_path(wanted: str) -> str:
    """Where one wanted to go, if that is here: an address elsewhere, however written, becomes the overview."""
    return wanted if _OWN_PATH.fullmatch(wanted) else "/"


@router.get("/sign-in")
async def show_sign_in(request: Request, then: Annotated[str, Query(max_length=2000)] = "/") -> Response:
    """The page on which one signs in."""
    return page(request, "sign_in.html", None, then=own_path(then), problem=None)


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
    try:
        if looks_like_token(secret):
            raise Unauthenticated(
                "token_of_run", "ID tokens of pipelines sign nobody in.", remedy="Use an access token."
            )
        await caller_behind(here, secret)
    except Unauthenticated as error:
        return page(request, "sign_in.html", None, status=401, then=own_path(then), problem=error)
    cookie = new_secret()
    await here.sessions.add(begin(cookie, token_id_of(secret), here.clock()))
    answer = RedirectResponse(own_path(then), 303)
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=int(AT_MOST.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/sign-out")
async def sign_out(here: Here, form: Sent) -> Response:
    """End the session: its cookie opens nothing from now on, wherever it was copied to."""
    await here.sessions.end(form.viewer.session.session_id)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE)
    return answer
