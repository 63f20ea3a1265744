"""Every error as an RFC 9457 problem: one table from kinds of errors to HTTP statuses.

- `code` is Hallmark's stable code, `remedy` says what to do next, `instance` carries the correlation id that finds the
  request in every service's log.
- A bug is not described to callers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from shared import errors
from shared.logs import log

MEDIA_TYPE = "application/problem+json"
_MOST_LISTED = 20
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

STATUSES: tuple[tuple[type[errors.HallmarkError], HTTPStatus], ...] = (
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.Conflict, HTTPStatus.CONFLICT),
    (errors.Forbidden, HTTPStatus.FORBIDDEN),
    (errors.Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (errors.TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (errors.Rejection, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.Busy, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.Transient, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.HallmarkError, HTTPStatus.INTERNAL_SERVER_ERROR),
)
_STATUS_OF_CODE = {"command_id_reused": HTTPStatus.UNPROCESSABLE_ENTITY}
_HEADERS: Mapping[int, Mapping[str, str]] = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}
_OF_HTTP: Mapping[int, tuple[str, str]] = {
    400: ("body_malformed", "Send a body that is well-formed JSON in UTF-8."),
    404: ("path_unknown", "See /openapi.json for what there is."),
    405: ("method_not_allowed", "See the Allow header, or /openapi.json."),
    413: ("body_too_large", "Send less at a time."),
}


class Place(BaseModel):
    """One thing that is wrong with a request."""

    where: str
    problem: str


class Problem(BaseModel):
    """Why a request was not done (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    remedy: str = ""
    instance: str
    errors: list[Place] | None = None


def status_of(error: errors.HallmarkError) -> HTTPStatus:
    """The HTTP status for one of our errors."""
    by_kind = next(status for kind, status in STATUSES if isinstance(error, kind))
    return _STATUS_OF_CODE.get(error.code, by_kind)


def problem_response(
    status: int, code: str, detail: str, *, remedy: str, correlation_id: str, places: Sequence[Place] = ()
) -> Response:
    """The answer that says what was wrong."""
    problem = Problem(
        type=f"urn:hallmark:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        remedy=remedy,
        instance=f"urn:hallmark:request:{correlation_id}",
        errors=list(places) or None,
    )
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, status, dict(_HEADERS.get(status, {})), media_type=MEDIA_TYPE)


def error_response(error: errors.HallmarkError, correlation_id: str) -> Response:
    """The answer for one of our own errors."""
    response = problem_response(
        status_of(error), error.code, error.message, remedy=error.remedy, correlation_id=correlation_id
    )
    if isinstance(error, errors.Busy):
        response.headers.update(retry_after(error))
    return response


def retry_after(error: errors.Busy) -> dict[str, str]:
    """When to come again."""
    return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}


def bug_response(correlation_id: str) -> Response:
    """The answer for what nobody foresaw."""
    return problem_response(
        500,
        "internal_error",
        "Something failed inside Hallmark; the log has the details under this correlation id.",
        remedy="Try again; if it stays, tell whoever runs this Hallmark the correlation id.",
        correlation_id=correlation_id,
    )


def answer_with_problems(app: FastAPI) -> None:
    """Have every error of the application answered as a problem."""
    app.add_exception_handler(errors.HallmarkError, _on_hallmark_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(ValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(PydanticSerializationError, _on_too_deep)


def correlation_id_of(request: Request) -> str:
    """The id under which every service logs what this request led to."""
    return str(request.state.meta.correlation_id)


async def _on_hallmark_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, errors.HallmarkError):
        raise error
    if not isinstance(error, errors.Rejection):
        log.warning("request not done", code=error.code, problem=error.message)
    return error_response(error, correlation_id_of(request))


async def _on_too_deep(request: Request, _: Exception) -> Response:
    """What was read from a body, and is nested too deeply to be passed on."""
    return error_response(
        errors.Invalid("body_too_deep", "The body is nested too deeply.", remedy="Nest less than 200 levels."),
        correlation_id_of(request),
    )


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError | ValidationError):
        raise error
    found: list[Any] = list(error.errors())
    if any(one["type"] == "json_invalid" for one in found):
        code, remedy = _OF_HTTP[400]
        why = found[0].get("ctx", {}).get("error", "JSON expected")
        place = f" at character {found[0]['loc'][-1]}" if found[0]["loc"] else ""
        detail = f"The body is not JSON: {why}{place}."
        return problem_response(400, code, detail, remedy=remedy, correlation_id=correlation_id_of(request))
    places = [Place(where="/".join(str(step) for step in one["loc"]), problem=str(one["msg"])) for one in found]
    return problem_response(
        422,
        "request_invalid",
        ": ".join(part for part in (places[0].where, f"{places[0].problem}.") if part),
        remedy="Correct the listed places; /openapi.json says what each may hold.",
        correlation_id=correlation_id_of(request),
        places=places[:_MOST_LISTED],
    )


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code, remedy = _OF_HTTP.get(error.status_code, ("request_refused", "See /openapi.json for what is offered."))
    response = problem_response(
        error.status_code,
        code,
        f"{error.detail}: {request.method} {request.url.path}",
        remedy=remedy,
        correlation_id=correlation_id_of(request),
    )
    response.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (allowed := _allowed(request)):
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _allowed(request: Request) -> list[str]:
    """The methods of a path: each is a route of its own, and the framework names those of the first alone."""
    routes = request.app.router.routes

    def taken(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in routes)

    return [method for method in _METHODS if taken(method)]
