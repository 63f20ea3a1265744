"""What a service tells whoever runs it: `/live`, `/ready`, `/metrics`.

Live says that the event loop turns. Ready says that this instance can do its work now: NATS connected, MongoDB
answering, every durable consumer there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Problems = Callable[[], Awaitable[list[str]]]


def health_routes(problems: Problems) -> list[Route]:
    """The three routes; `problems` lists what keeps this instance from working, empty when nothing does."""

    async def live(_: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(_: Request) -> Response:
        found = await problems()
        return JSONResponse({"ready": not found, "problems": found}, status_code=503 if found else 200)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/live", live), Route("/ready", ready), Route("/metrics", metrics)]
