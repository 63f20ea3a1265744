"""Signing in with a one-time link. Opening it changes nothing, since mail programs and chats open links too."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.gateway.auth import Here
from services.gateway.console.beginning import begin_session, counted
from services.gateway.console.pages.signing_in import sign_in_page
from services.gateway.console.rendering import page
from services.gateway.console.viewing import refuse_foreign
from services.gateway.people.callers import caller_with
from services.gateway.sessions import Means
from shared.errors import Unauthenticated

router = APIRouter()


@router.get("/sign-in/link")
async def show_link(request: Request, code: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Asks whether to go on."""
    return page(request, "sign_in_link.html", None, code=code)


@router.post("/sign-in/link")
async def use_link(request: Request, here: Here, code: Annotated[str, Form(max_length=200)]) -> Response:
    """Begin a session for whoever the link stands for, once."""
    refuse_foreign(request)
    try:
        async with counted(request, here, Means.LINK):
            token_id = await here.people.links.spend(code, here.clock())
            if token_id is None:
                raise Unauthenticated(
                    "link_spent",
                    "The link was used before, or is older than ten minutes.",
                    remedy="Make another one with `hallmark admin link`.",
                )
            caller = await caller_with(here, token_id)
    except Unauthenticated as error:
        return sign_in_page(request, problem=error)
    answer = RedirectResponse("/", 303)
    who = caller.actor.subject
    await begin_session(request, here, answer, means=Means.LINK, holder=token_id, who=who)
    return answer
