"""Access tokens: made, listed, revoked, and exchanged for a short-lived one that works on NATS."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from contracts.evidence.v1.log import RecordRoleChange
from contracts.message import PageLimit
from contracts.vocabulary import Actor, ActorKind, Document, Frozen, ProjectName, Role, Utc, utc
from services.gateway.auth import Here, Secret, SignedIn, exchanged
from services.gateway.offering import IdempotencyKey
from services.gateway.tokens import SECRET_BYTES, Token, may_manage, refuse_excess, secret_of, token_id_of
from shared.digests import canonical_digest
from shared.errors import Invalid, NotFound
from shared.oidc.token import looks_like_token

router = APIRouter(prefix="/tokens", tags=["tokens"])
_USUALLY = timedelta(days=90)
_AT_MOST = timedelta(days=366)
Grants = Annotated[
    dict[ProjectName | Literal["*"], Annotated[frozenset[Role], Field(min_length=1)]],
    Field(min_length=1, max_length=100),
]


class MakeToken(Document):
    """Who may do what, and for how long."""

    subject: Annotated[str, Field(min_length=1, max_length=200)]
    kind: ActorKind
    grants: Grants
    """Roles per project; `*` stands for every project."""
    expires_at: Utc | None = None
    """Absent: in 90 days. At most 366 days from now."""


class TokenView(Frozen):
    """One access token, without its secret."""

    id: str
    subject: str
    kind: ActorKind
    grants: dict[str, tuple[Role, ...]]
    created_by: str
    created_at: Utc
    expires_at: Utc
    revoked: bool


class NewToken(TokenView):
    """One access token, with its secret: shown this once."""

    token: str


class TokenPage(Frozen):
    """Access tokens the caller may manage."""

    tokens: tuple[TokenView, ...]
    next: str | None = None


class ActorToken(Frozen):
    """A token that services believe, for `authorization: Bearer` on NATS."""

    token: str
    expires_at: Utc


@router.post("", status_code=201, operation_id="MakeToken")
async def make_token(body: MakeToken, here: Here, asking: SignedIn, idempotency_key: IdempotencyKey = None) -> NewToken:
    """Make an access token. Needs the role admin in every project it grants."""
    refuse_excess(asking.caller, body.grants)
    secret = secret_of(secrets.token_bytes(SECRET_BYTES))
    token = _token(body, asking.caller.actor, secret, idempotency_key, here.clock())
    await here.tokens.refuse_repeat(token)
    await asking.ask(_role_change("given", token))
    await here.tokens.add(token)
    return NewToken(token=secret, **_view(token).model_dump())


@router.get("", operation_id="ListTokens")
async def list_tokens(
    here: Here,
    asking: SignedIn,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[PageLimit, Query()] = 100,
) -> TokenPage:
    """Which access tokens may the caller manage?"""
    found = await here.tokens.managed_by(asking.caller, after=after, limit=limit + 1)
    page = found[:limit]
    more = page[-1].token_id if len(found) > limit else None
    return TokenPage(tokens=tuple(_view(token) for token in page), next=more)


@router.delete("/{token_id}", operation_id="RevokeToken")
async def revoke_token(
    token_id: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], here: Here, asking: SignedIn
) -> TokenView:
    """Revoke an access token for good. Requests under way keep their minute."""
    token = await here.tokens.known_as(token_id)
    if token is None or not may_manage(asking.caller, token):
        raise NotFound("token_unknown", "There is no such token.", remedy="List the tokens to find its id.")
    # It ends whether or not the log can be told right now; a caller who is told to try again gets it logged then.
    await here.tokens.revoke(token_id)
    await asking.ask(_role_change("taken", token))
    return _view(token).model_copy(update={"revoked": True})


@router.post("/exchange", operation_id="ExchangeToken")
async def exchange_token(here: Here, asking: SignedIn, secret: Secret) -> ActorToken:
    """Get a token for publishing under `hallmark.in` on NATS. It works for 15 minutes and cannot be revoked.

    The ID token of a pipeline's run can be exchanged once.
    """
    if looks_like_token(secret):
        await here.pipelines.spend(secret, here.clock())
    token, expires_at = exchanged(here, asking.caller)
    return ActorToken(token=token, expires_at=expires_at)


def _token(body: MakeToken, maker: Actor, secret: str, key: str | None, now: datetime) -> Token:
    return Token(
        token_id=token_id_of(secret),
        actor=Actor(subject=body.subject, kind=body.kind),
        grants=body.grants,
        created_by=maker.subject,
        created_at=now,
        expires_at=_end(body.expires_at or now + _USUALLY, now),
        request_id=canonical_digest([maker.subject, maker.kind.value, key]) if key else None,
    )


def _role_change(change: Literal["given", "taken"], token: Token) -> RecordRoleChange:
    """What the log is told: before a token is made, so that none works that it knows nothing of."""
    return RecordRoleChange(
        command_id=f"role-{change}-{token.token_id}",
        change=change,
        token_id=token.token_id,
        holder=token.actor.subject,
        holder_kind=token.actor.kind,
        grants={project: tuple(sorted(roles)) for project, roles in sorted(token.grants.items())},
        expires_at=token.expires_at,
    )


def _end(wished: datetime, now: datetime) -> datetime:
    if not now < wished <= now + _AT_MOST:
        raise Invalid(
            "expiry_out_of_range",
            f"A token cannot expire at {utc(wished)}.",
            remedy=f"Choose a time from now to {utc(now + _AT_MOST)}.",
        )
    return wished


def _view(token: Token) -> TokenView:
    return TokenView(
        id=token.token_id,
        subject=token.actor.subject,
        kind=token.actor.kind,
        grants={project: tuple(sorted(roles)) for project, roles in sorted(token.grants.items())},
        created_by=token.created_by,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked=token.revoked,
    )
