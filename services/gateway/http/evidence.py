"""Evidence: handed in as the bytes of a DSSE envelope; small ones travel inside a message, large ones as a blob."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from contracts.evidence.v1.commands import Receipt, SubmitEvidence
from contracts.evidence.v1.queries import ListComponents, ListEvidence, ShowEvidence
from contracts.evidence.v1.views import EvidenceView
from contracts.vocabulary import ApplicationName, ProjectName
from services.gateway.auth import Here, SignedIn
from services.gateway.offering import IdempotencyKey, offer
from services.gateway.openapi import answered_as
from shared.errors import Invalid

router = APIRouter(tags=["evidence"])
INLINE_BYTES = 128 * 1024
"""Above this, as JSON text inside a message, an envelope is uploaded."""
_ALL = "/projects/{project}/evidence"
_BODY = {
    "requestBody": {
        "required": True,
        "description": "A DSSE envelope with an in-toto Statement.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}

offer(router, f"GET {_ALL}", ListEvidence)
offer(router, f"GET {_ALL}/{{evidence_id}}", ShowEvidence)
offer(router, f"GET {_ALL}/{{evidence_id}}/components", ListComponents)


@router.post(_ALL, status_code=201, operation_id="SubmitEvidence", response_model=Receipt, openapi_extra=_BODY)
async def submit_evidence(
    *,
    project: ProjectName,
    request: Request,
    here: Here,
    asking: SignedIn,
    application: Annotated[ApplicationName | None, Query()] = None,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Hand in signed evidence. That it is on record says nothing yet about whether it counts."""
    arriving = request.stream()
    start = await _start_of(arriving)
    encoding = request.headers.get("content-encoding", "")
    inline = None if encoding else inline_text(start)
    digest = None
    if inline is None:
        content = _joined(start, arriving)
        digest = await here.blobs.put(
            project, content, asking.actor_token(), application=application, encoding=encoding
        )
    command = SubmitEvidence(
        command_id=idempotency_key or uuid4().hex,
        project=project,
        application=application,
        envelope=inline,
        content_digest=digest,
    )
    return JSONResponse(await asking.ask(command), 201)


@router.get(
    f"{_ALL}/{{evidence_id}}/envelope",
    operation_id="ReadEnvelope",
    response_class=Response,
    responses=answered_as("application/json", {"type": "object"}),
)
async def read_envelope(project: ProjectName, evidence_id: str, here: Here, asking: SignedIn) -> Response:
    """Get the envelope exactly as it was handed in."""
    shown = await asking.ask_as(ShowEvidence(project=project, evidence_id=evidence_id), EvidenceView)
    content = await here.blobs.get(project, shown.item.content_digest, asking.actor_token())
    return Response(content, media_type="application/json")


async def _start_of(arriving: AsyncIterator[bytes]) -> bytes:
    """The whole of a small body, the beginning of a large one."""
    start = b""
    async for part in arriving:
        start += part
        if len(start) > INLINE_BYTES:
            break
    return start


def inline_text(start: bytes) -> str | None:
    """The envelope as it may travel inside a message; None when it is too large for that. Raises `Invalid`."""
    if not start.strip():
        raise Invalid("envelope_missing", "The body is empty.", remedy="Send the bytes of a DSSE envelope.")
    if len(start) > INLINE_BYTES:
        return None
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        raise Invalid(
            "envelope_malformed", "The body is not UTF-8 text.", remedy="Send a DSSE envelope as JSON."
        ) from error
    # Quotes and control characters grow inside a message.
    return text if len(json.dumps(text)) <= INLINE_BYTES else None


async def _joined(start: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield start
    async for part in rest:
        yield part
