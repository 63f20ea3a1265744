"""Envelopes too large for a message: uploaded to and read from this service's own HTTP port."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from contracts.vocabulary import Role
from services.evidence.keyring import Keyring
from services.evidence.storage.records import keep_blob, read_blob
from services.evidence.storage.unit_of_work import EvidenceWork
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
    """`PUT /blobs?project=` and `GET /blobs/{digest}?project=`."""

    async def put(request: Request) -> Response:
        try:
            caller, project = _caller(run, request)
            caller.require(project, Role.CONTRIBUTOR, Role.SECURITY, Role.RELEASE_MANAGER)
            data = await _bounded(request, run.dispatcher.equipment)
            digest = await keep_blob(run.database, project, data)
        except errors.HallmarkError as error:
            return _problem(error)
        return JSONResponse({"content_digest": digest, "size": len(data)}, status_code=201)

    async def get(request: Request) -> Response:
        try:
            caller, project = _caller(run, request)
            caller.require_member(project)
            digest = request.path_params["digest"]
            data = await read_blob(run.database, project, digest)
            if data is None:
                raise errors.NotFound("blob_unknown", f"There is nothing with the digest {digest}.", remedy="List it.")
        except errors.HallmarkError as error:
            return _problem(error)
        return Response(data, media_type="application/octet-stream")

    return [Route("/blobs", put, methods=["PUT"]), Route("/blobs/{digest}", get)]


def _caller(run: Running[EvidenceWork], request: Request) -> tuple[Caller, str]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    caller = run.dispatcher.issuers.verify(token if scheme.lower() == "bearer" else "")
    return caller, request.query_params.get("project", "")


async def _bounded(request: Request, keyring: Keyring) -> bytes:
    limit = keyring.max_evidence_bytes
    too_large = errors.TooLarge("evidence_too_large", f"The body is larger than {limit} bytes.", remedy="Send less.")
    if int(request.headers.get("content-length", "0") or 0) > limit:
        raise too_large
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit:
            raise too_large
    return bytes(received)


def _problem(error: errors.HallmarkError) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 422)
    return JSONResponse(
        {"code": error.code, "detail": error.message, "remedy": error.remedy},
        status_code=status,
        media_type="application/problem+json",
    )
