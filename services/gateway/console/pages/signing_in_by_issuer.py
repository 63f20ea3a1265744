"""Signing in with the operator's issuer: to its page, and back from there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.gateway.auth import Here
from services.gateway.console import cookies
from services.gateway.console.beginning import begin_session, counted, own_path
from services.gateway.console.pages.signing_in import sign_in_page
from services.gateway.console.rendering import page
from services.gateway.parts import Gateway
from services.gateway.people.flow import COOKIE, GOOD_FOR, Answer
from services.gateway.people.signing_in import IssuerSignIn
from services.gateway.sessions import Means
from shared.errors import NotFound, Unauthenticated

router = APIRouter()


@router.get("/sign-in/issuer")
async def go_to_issuer(request: Request, here: Here, then: Annotated[str, Query(max_length=2000)] = "/") -> Response:
    """To the issuer's page; what this browser needs on the way back goes along in a cookie."""
    url, flow = await _issuer(here).begun(own_path(then), here.clock())
    answer = RedirectResponse(url, 303)
    cookies.keep(request, answer, COOKIE, flow.cookie(), lasting=GOOD_FOR, sent="lax")
    return answer


@router.get("/sign-in/callback")
async def come_back(
    *,
    request: Request,
    here: Here,
    code: Annotated[str, Query(max_length=4000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str, Query(max_length=500)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Begin a session for whoever the issuer has signed in.

    The answer is a page of ours that goes on by itself: a redirect from the issuer's page would arrive without the
    session's cookie, which goes along from our own pages only.
    """
    answered = Answer(code, state, iss, error)
    try:
        async with counted(request, here, Means.ISSUER):
            proven, flow = await _issuer(here).finished(cookies.read(request, COOKIE), answered, here.clock())
    except Unauthenticated as problem:
        refused = sign_in_page(request, problem=problem)
        cookies.drop(request, refused, COOKIE)
        return refused
    person = await here.people.known.note_sign_in(proven, here.clock())
    answer = page(request, "onward.html", None, then=own_path(flow.then), headers={"Referrer-Policy": "no-referrer"})
    cookies.drop(request, answer, COOKIE)
    holder, who = person.person_id, person.handle
    await begin_session(request, here, answer, means=Means.ISSUER, holder=holder, who=who, groups=proven.groups)
    return answer


def _issuer(here: Gateway) -> IssuerSignIn:
    if here.people.issuer is None:
        raise NotFound(
            "issuer_unset",
            "No issuer is set up to sign people in.",
            remedy="Sign in with an access token, or have the operator set HALLMARK_SIGN_IN_ISSUER.",
        )
    return here.people.issuer
