"""JSON bodies hold the same for every reader.

FastAPI reads them as Python does, which keeps the last of two equal keys and takes numbers that no store holds; a
proxy or an auditor may read them otherwise.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.routing import APIRoute

from shared.crypto import strict_json

MAX_DEPTH = 200
"""Deeper ones could not be passed on."""


async def read_strictly(request: Request) -> None:
    """Refuse what readers could take for different things. Raises `Invalid` and `TooLarge`.

    Bodies that an operation takes as they arrive, such as evidence, are left to it.
    """
    route = request.scope.get("route")
    if isinstance(route, APIRoute) and route.body_field is not None:
        body = await request.body()
        if body:
            strict_json.loads(body, max_depth=MAX_DEPTH)
