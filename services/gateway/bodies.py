"""Bounds every request body before anything reads it.

- A body that announces too many bytes is refused at once; one that announces nothing, as soon as it crosses the limit.
- After an early refusal what is still on its way is read and dropped for a moment: closing at once would make the
  network stack of some clients throw the answer away together with the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.problems import error_response
from shared.errors import TooLarge

_DROPPED_BYTES = 256 * 1024 * 1024
_DROPPING_SECONDS = 1.0


class BodyLimit:
    """ASGI middleware: `limit_for` says how many bytes a path allows."""

    def __init__(self, app: ASGIApp, limit_for: Callable[[str], int]) -> None:
        self._app = app
        self._limit_for = limit_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a bounded body, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_for(scope["path"])
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "0")
        if not announced.isdigit() or int(announced) > limit:
            await _refuse(scope, send, limit)
            if "expect" not in headers:
                await _drop(receive)
            await send({"type": "http.response.body", "body": b""})
            return
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, f"The body has more than {limit} bytes", {"Connection": "close"})
            return message

        await self._app(scope, bounded, send)


async def _refuse(scope: Scope, send: Send, limit: int) -> None:
    error = TooLarge(
        "body_too_large", f"The body has more than {limit} bytes.", remedy="Send less, or several smaller requests."
    )
    response = error_response(error, scope["state"]["meta"].correlation_id)
    headers = [*response.raw_headers, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": bytes(response.body), "more_body": True})


async def _drop(receive: Receive) -> None:
    dropped = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DROPPING_SECONDS):
            while dropped < _DROPPED_BYTES:
                message = await receive()
                dropped += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
