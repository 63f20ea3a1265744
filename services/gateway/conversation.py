"""Around every request: its ids, its log line, the headers of its answer, and an answer whatever goes wrong."""

from __future__ import annotations

import re
import time
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts import headers as names
from contracts.headers import Meta
from services.gateway.problems import bug_response
from shared.clock import Clock
from shared.logs import bound_contextvars, log

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TRACEPARENT = re.compile(r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
_CORRELATION_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")
_QUIET = frozenset({"/live", "/ready", "/metrics"})


class Conversation:
    """ASGI middleware; the outermost of ours. Leaves the request's `Meta` in `request.state.meta`."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one request to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        meta = self._meta(Headers(scope=scope))
        scope.setdefault("state", {})["meta"] = meta
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message["headers"])
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                headers[names.CORRELATION_ID] = meta.correlation_id
                message = {**message, "headers": headers.raw}
            await send(message)

        started = time.monotonic()
        with bound_contextvars(correlation_id=meta.correlation_id):
            try:
                await self._app(scope, receive, answer)
            except Exception as error:  # the last line: whatever it was, the caller gets an answer
                log.error("request failed", method=scope["method"], path=scope["path"], exc_info=error)
                if status:
                    raise  # too late for an answer: the server must cut the connection
                await bug_response(meta.correlation_id)(scope, receive, answer)
            if scope["path"] not in _QUIET:
                took = round((time.monotonic() - started) * 1000, 1)
                log.info("request", method=scope["method"], path=scope["path"], status=status, ms=took)

    def _meta(self, headers: Headers) -> Meta:
        message_id = uuid4().hex
        wished = headers.get(names.CORRELATION_ID, "")
        trace = headers.get(names.TRACEPARENT, "")
        return Meta(
            message_id=message_id,
            correlation_id=wished if _CORRELATION_ID.match(wished) else message_id,
            source="/hallmark/gateway",
            time=self._clock(),
            traceparent=trace if _TRACEPARENT.match(trace) else None,
        )
