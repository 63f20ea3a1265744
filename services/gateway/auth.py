"""From an `Authorization` header to a proven caller.

A pipeline's run comes with its ID token, everybody else with an access token.
A signed-in request asks with a one-minute token made for it alone, so that services trust the gateway's key and never
see an access token.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from contracts.vocabulary import Actor, ActorKind, Role
from services.gateway.asking import Asking
from services.gateway.parts import Gateway
from services.gateway.tokens import caller_of, same_secret, token_id_of
from shared.clock import utc_now
from shared.errors import Unauthenticated
from shared.identity import EVERYWHERE, SPOKESMAN, Caller, issue_token
from shared.oidc.token import looks_like_token

ADMIN = Caller(
    Actor(subject="admin", kind=ActorKind.HUMAN),
    {EVERYWHERE: frozenset({Role.ADMIN})},
)
_BEARER = HTTPBearer(
    auto_error=False, bearerFormat="hmk_...", description="An access token, or the ID token of a pipeline's run."
)
_EXCHANGED_FOR = timedelta(minutes=15)


async def caller_behind(gateway: Gateway, secret: str) -> Caller:
    """Whom a token speaks for. Raises `Unauthenticated` when for nobody, `Forbidden` for a run without any."""
    bootstrap = gateway.settings.admin_token
    if bootstrap and same_secret(bootstrap.get_secret_value(), secret):
        return ADMIN
    if looks_like_token(secret):
        return await gateway.pipelines.caller_behind(secret, gateway.clock())
    token = await gateway.tokens.known_as(token_id_of(secret))
    return caller_of(token, secret, now=gateway.clock())


def exchanged(gateway: Gateway, caller: Caller) -> tuple[str, datetime]:
    """A token for publishing on NATS, under `hallmark.in`, and when it ends. Tokens are about the real present."""
    now = utc_now()
    return issue_token(gateway.key, SPOKESMAN, caller, now=now, lifetime=_EXCHANGED_FOR), now + _EXCHANGED_FOR


def asking_for(gateway: Gateway, request: Request, caller: Caller) -> Asking:
    """Asks in the caller's name because of this request."""
    return Asking(
        gateway.asker,
        caller,
        request.state.meta,
        lambda: gateway.speaker.token(caller, utc_now()),
        gateway.settings.ask_deadline,
    )


def gateway_of(request: Request) -> Gateway:
    """The process's parts."""
    found: Gateway = request.app.state.gateway
    return found


async def bearer_secret(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> str:
    """The access token, or ID token, of the request. Raises `Unauthenticated` when there is none."""
    if credentials is None or not credentials.credentials:
        raise Unauthenticated(
            "token_missing",
            "The request carries no access token.",
            remedy="Send `Authorization: Bearer hmk_...`; an administrator makes tokens.",
        )
    return credentials.credentials


async def signed_in(
    request: Request,
    gateway: Annotated[Gateway, Depends(gateway_of)],
    secret: Annotated[str, Depends(bearer_secret)],
) -> Asking:
    """Who asks, able to ask. Raises `Unauthenticated`."""
    return asking_for(gateway, request, await caller_behind(gateway, secret))


Here = Annotated[Gateway, Depends(gateway_of)]
SignedIn = Annotated[Asking, Depends(signed_in)]
Secret = Annotated[str, Depends(bearer_secret)]
