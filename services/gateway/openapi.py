"""The OpenAPI 3.1 document, with every operation's problems in it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.gateway.problems import MEDIA_TYPE, Problem

_REFERENCE = "#/components/schemas/{model}"
_ALWAYS = (400, 401, 403, 404, 409, 413, 422, 429, 500, 503)
_FRAMEWORK_SCHEMAS = ("HTTPValidationError", "ValidationError")


def answered_as(media_type: str, schema: Mapping[str, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that FastAPI cannot read from its function; a text where there is no `schema`."""
    return {200: {"content": {media_type: {"schema": schema or {"type": "string"}}}}}


def document(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema:
        return app.openapi_schema
    found = get_openapi(
        title=app.title, version=app.version, openapi_version="3.1.0", description=app.description, routes=app.routes
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for name in _FRAMEWORK_SCHEMAS:
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template=_REFERENCE)
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    for operations in found["paths"].values():
        for operation in operations.values():
            operation["responses"] |= {str(status): _problem(status) for status in _ALWAYS}
    app.openapi_schema = found
    return found


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model="Problem")}
    return {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
