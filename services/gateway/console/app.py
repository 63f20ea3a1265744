"""The console as one application below `/`: its pages, its files, its headers and its errors."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.auth import gateway_of
from services.gateway.console.beginning import own_path
from services.gateway.console.pages import ROUTERS
from services.gateway.console.rendering import page
from services.gateway.console.viewing import NothingGranted, SignInNeeded
from services.gateway.problems import answer_with_problems, error_response, retry_after, status_of
from shared import errors
from shared.logs import log

STATIC = Path(__file__).parent / "static"
_POLICY = """
default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self';
form-action 'self'; base-uri 'none'; frame-ancestors 'none'
"""
HEADERS = {
    "Content-Security-Policy": " ".join(_POLICY.split()),
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_SAYS_WHAT = "Correct it and send the form again."


def add_console(app: FastAPI) -> None:
    """Serve the console for every path that the API does not know."""
    console = FastAPI(title="Hallmark console", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    console.state = app.state  # the gateway's parts, once it has started
    console.add_middleware(_Headers)
    for router in ROUTERS:
        console.include_router(router)
    console.mount("/static", StaticFiles(directory=STATIC), name="static")
    answer_with_problems(console)
    console.add_exception_handler(SignInNeeded, _on_sign_in_needed)
    console.add_exception_handler(NothingGranted, _on_nothing_granted)
    for kind in (errors.HallmarkError, RequestValidationError, ValidationError, HTTPException):
        _show_as_page(console, kind)
    app.router.routes.append(_Remaining("/", console))


class _Remaining(Mount):
    """What no other route takes. It matches only in part: a wrong method is the business of whoever knows the path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the path is below this; never in full."""
        found, child_scope = super().matches(scope)
        return (Match.PARTIAL if found is Match.FULL else found), child_scope


class _Headers:
    """What every answer of the console says to the browser."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to its answer."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/"):
                    # Files change with the release only; their names are asked for again by etag.
                    headers["Cache-Control"] = "no-cache"
                message = {**message, "headers": headers.raw}
            await send(message)

        await self._app(scope, receive, answer)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _show_as_page(console: FastAPI, kind: type[Exception]) -> None:
    """Programs that meet the console by mistake get a problem as everywhere else, browsers a page."""
    as_problem = console.exception_handlers[kind]

    async def show(request: Request, error: Exception) -> Response:
        if not _wants_page(request):
            return cast("Response", await as_problem(request, error))  # type: ignore[misc]
        status, code, detail, remedy = _said(error)
        if isinstance(error, errors.HallmarkError) and not isinstance(error, errors.Rejection):
            log.warning("page not shown", code=code, problem=detail)
        back = request.headers.get("referer", "") if request.method == "POST" else ""
        values: dict[str, Any] = {"code": code, "detail": detail, "remedy": remedy, "back": back}
        viewer = getattr(request.state, "viewer", None)
        headers = retry_after(error) if isinstance(error, errors.Busy) else None
        title = HTTPStatus(status).phrase
        return page(request, "problem.html", viewer, status=status, headers=headers, title=title, **values)

    console.add_exception_handler(kind, show)


def _said(error: Exception) -> tuple[int, str, str, str]:
    """Status, code, one sentence and the remedy."""
    match error:
        case errors.HallmarkError():
            return status_of(error), error.code, error.message, error.remedy
        case RequestValidationError() | ValidationError():
            first = error.errors()[0]
            place = "/".join(str(step) for step in first["loc"] if step not in ("path", "query", "body"))
            return 422, "request_invalid", f"{place}: {first['msg']}.", _SAYS_WHAT
        case HTTPException(status_code=404):
            return 404, "page_unknown", "There is no such page.", "Check the address, or begin at the overview."
        case HTTPException():
            return error.status_code, "request_refused", f"{error.detail}.", "Begin at the overview."
    raise error


async def _on_sign_in_needed(request: Request, _: Exception) -> Response:
    """To the sign-in page and back; a form that was sent meanwhile is not sent again by itself."""
    wanted = request.url.path if request.method == "GET" else "/"
    if request.url.query and request.method == "GET":
        wanted += f"?{request.url.query}"
    if request.headers.get("hx-request") or not _wants_page(request):
        # A part of a page cannot show the sign-in page: the whole page goes there.
        return Response(status_code=401, headers={"HX-Refresh": "true"})
    if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
        # Whoever comes by a link from elsewhere may well be signed in: the cookie goes along from our own pages only.
        return page(request, "onward.html", None, then=own_path(wanted))
    return RedirectResponse(f"/sign-in?then={quote(wanted, safe='/')}", 303)


async def _on_nothing_granted(request: Request, error: Exception) -> Response:
    if not isinstance(error, NothingGranted):
        raise error
    if not _wants_page(request):
        return error_response(error, request.state.meta.correlation_id)
    contact = gateway_of(request).settings.sign_in_contact
    return page(request, "no_roles.html", error.viewer, status=403, contact=contact)
