"""Pipeline events (CDEvents) by HTTP, for tools that do not speak NATS."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from contracts.registry.v1.intake import EventReceipt, RecordPipelineEvent
from services.gateway.auth import SignedIn
from services.gateway.cloudevents import read_event
from services.gateway.offering import IdempotencyKey

router = APIRouter(tags=["pipeline events"])
_OBJECT = {"schema": {"type": "object"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One CDEvent: plain, as a structured CloudEvent, or in binary mode with ce- headers.",
        "content": {"application/json": _OBJECT, "application/cloudevents+json": _OBJECT},
    }
}


@router.post(
    "/cdevents",
    status_code=202,
    operation_id="RecordPipelineEvent",
    response_model=EventReceipt,
    openapi_extra=_BODY,
)
async def record_pipeline_event(
    *, request: Request, asking: SignedIn, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    """Take in one event and say what became of it. The same source and id count once, whatever the key."""
    event = read_event(request.headers, await request.body())
    return JSONResponse(
        await asking.ask(RecordPipelineEvent(command_id=idempotency_key or uuid4().hex, event=event)), 202
    )
