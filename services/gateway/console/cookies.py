"""The console's cookies, and where its browsers find it.

- Over https a cookie is secure and has a name with `__Host-`: no other host and no plain page can plant or read it.
- The session goes along from our own pages only (`SameSite=Strict`). What a sign-in under way needs goes along from the
  issuer's page too (`Lax`), and is good for that alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.auth import gateway_of


def own_origin(request: Request) -> str:
    """Where browsers find the console: as the operator says, else as this one did."""
    said: str = gateway_of(request).settings.public_url
    return said or f"{request.url.scheme}://{request.headers.get('host', '')}"


def read(request: Request, name: str) -> str:
    """A cookie of ours; empty when there is none."""
    return request.cookies.get(_full(request, name), "")


def keep(
    request: Request, answer: Response, name: str, value: str, *, lasting: timedelta, sent: Literal["strict", "lax"]
) -> None:
    """Have the browser keep a cookie."""
    answer.set_cookie(
        _full(request, name),
        value,
        max_age=int(lasting.total_seconds()),
        httponly=True,
        samesite=sent,
        secure=_secure(request),
    )


def drop(request: Request, answer: Response, name: str) -> None:
    """Have the browser forget a cookie."""
    answer.delete_cookie(_full(request, name), httponly=True, secure=_secure(request))


def _secure(request: Request) -> bool:
    return own_origin(request).startswith("https://")


def _full(request: Request, name: str) -> str:
    return f"__Host-{name}" if _secure(request) else name
