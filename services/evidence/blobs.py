"""Envelopes too large for a message: uploaded to and read from this service's own HTTP port."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from services.evidence.handlers.intake import SUBMITTERS
from services.evidence.storage.blobs import receive_blob, stream_blob
from services.evidence.storage.unit_of_work import EvidenceWork
from services.evidence.unpacking import unpacked
from shared import errors
from shared.identity import Caller
from shared.service import Running

_STATUS: dict[type[errors.HallmarkError], int] = {
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.TooLarge: 413,
    errors.Transient: 503,
}


def blob_routes(run: Running[EvidenceWork]) -> list[BaseRoute]:
    """`PUT /blobs?project=&application=` and `GET /blobs/{digest}?project=`."""

    async def put(request: Request) -> Response:
        try:
            caller, project = _caller(run, request)
            caller.require(project, *SUBMITTERS, application=request.query_params.get("application"))
            content = _decoded(request, run.dispatcher.equipment.max_evidence_bytes)
            kept = await receive_blob(run.database, project, content, run.clock())
        except errors.HallmarkError as error:
            return _problem(error)
        return JSONResponse(kept, status_code=201)

    async def get(request: Request) -> Response:
        try:
            caller, project = _caller(run, request)
            caller.require_member(project)
            digest = request.path_params["digest"]
            found = await stream_blob(run.database, project, digest)
            if found is None:
                raise errors.NotFound("blob_unknown", f"There is nothing with the digest {digest}.", remedy="List it.")
        except errors.HallmarkError as error:
            return _problem(error)
        size, content = found
        return StreamingResponse(content, media_type="application/octet-stream", headers={"content-length": str(size)})

    return [Route("/blobs", put, methods=["PUT"]), Route("/blobs/{digest}", get)]


def _caller(run: Running[EvidenceWork], request: Request) -> tuple[Caller, str]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    caller = run.dispatcher.issuers.verify(token if scheme.lower() == "bearer" else "")
    return caller, request.query_params.get("project", "")


async def _decoded(request: Request, limit: int) -> AsyncIterator[bytes]:
    """What arrives, unpacked when it says gzip. Raises `TooLarge` as soon as it is, and `Invalid`."""
    too_large = errors.TooLarge("evidence_too_large", f"The body is larger than {limit} bytes.", remedy="Send less.")
    if int(request.headers.get("content-length", "0") or 0) > limit:
        raise too_large
    size = 0
    async for part in unpacked(request.stream(), request.headers.get("content-encoding", "identity")):
        size += len(part)
        if size > limit:
            raise too_large
        yield part


def _problem(error: errors.HallmarkError) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 422)
    return JSONResponse(
        {"code": error.code, "detail": error.message, "remedy": error.remedy},
        status_code=status,
        media_type="application/problem+json",
    )
