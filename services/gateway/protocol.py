"""What is no HTTP, refused as a problem like everything else: the application never sees it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from contracts.headers import CORRELATION_ID
from services.gateway.conversation import SECURITY_HEADERS
from services.gateway.problems import problem_response
from shared.logs import log


def protocol() -> type[asyncio.Protocol]:
    """The server's own protocol, with another answer to what it cannot read."""
    return type("Protocol", (AutoHTTPProtocol,), {"send_400_response": _refuse})


def _refuse(connection: Any, _: str) -> None:
    correlation_id = uuid4().hex
    log.info("request refused unread", correlation_id=correlation_id)
    connection.transport.write(_refusal(correlation_id))
    connection.transport.close()


def _refusal(correlation_id: str) -> bytes:
    response = problem_response(
        400,
        "request_malformed",
        "The request is no well-formed HTTP, or its address is longer than 64 KiB.",
        remedy="Correct the request; ask for fewer things at a time where its address grows long.",
        correlation_id=correlation_id,
    )
    response.headers.update({**SECURITY_HEADERS, CORRELATION_ID: correlation_id, "Connection": "close"})
    lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in response.raw_headers)]
    return b"\r\n".join([*lines, b"", bytes(response.body)])
