"""Access tokens: who may come in, and with which rights.

- A token is 32 random bytes behind `hmk_`. Only its SHA-256 is kept, so a copy of the database opens nothing.
- Every token ends; it can be revoked before.
- A token never grants more than its maker holds: whoever makes one is administrator of every project it names.
  Administrators may hand out any role there, `approver` included, and are named as the maker of what they handed out.
- A token is managed by administrators of all its projects; whoever it speaks for may revoke it too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from contracts.vocabulary import Actor, Role
from shared.errors import Forbidden, Unauthenticated
from shared.identity import EVERYWHERE, Caller

PREFIX = "hmk_"
SECRET_BYTES = 32

Grants = Mapping[str, frozenset[Role]]


@dataclass(frozen=True)
class Token:
    """What is kept of one access token."""

    token_id: str
    """SHA-256 of the secret, in hexadecimal."""
    actor: Actor
    grants: Grants
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked: bool = False
    request_id: str | None = None
    """Digest of maker and idempotency key, when the request had one."""


def secret_of(randomness: bytes) -> str:
    """The token that is shown once. Raises `ValueError` for fewer than 32 random bytes."""
    if len(randomness) < SECRET_BYTES:
        raise ValueError(f"a token needs {SECRET_BYTES} random bytes")
    return PREFIX + base64.urlsafe_b64encode(randomness).rstrip(b"=").decode()


def token_id_of(secret: str) -> str:
    """Under which id the token with this secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_secret(one: str, other: str) -> bool:
    """Whether two secrets are equal, in time that says nothing about where they differ."""
    return hmac.compare_digest(token_id_of(one), token_id_of(other))


def caller_of(token: Token | None, secret: str, *, now: datetime) -> Caller:
    """Whom the token speaks for. Raises `Unauthenticated` unless it is known, in force and not revoked."""
    if token is None or not hmac.compare_digest(token.token_id, token_id_of(secret)):
        raise _refused("token_unknown", "The access token is not known here.")
    return holder_of(token, now=now)


def holder_of(token: Token | None, *, now: datetime) -> Caller:
    """Whom the token speaks for, once its secret was shown. Raises `Unauthenticated` when it has ended."""
    if token is None:
        raise _refused("token_unknown", "The access token is not known here.")
    if token.revoked:
        raise _refused("token_revoked", "The access token was revoked.")
    if token.expires_at <= now:
        raise _refused("token_expired", f"The access token expired at {token.expires_at.isoformat()}.")
    return Caller(token.actor, token.grants)


def refuse_excess(maker: Caller, grants: Grants) -> None:
    """Raises `Forbidden` unless `maker` is administrator of every project granted."""
    beyond = sorted(project for project in grants if Role.ADMIN not in maker.roles_in(project))
    if beyond:
        where = ", ".join("every project" if project == EVERYWHERE else project for project in beyond)
        raise Forbidden(
            "grant_exceeds_own",
            f"{maker.actor.subject} is not administrator of {where} and can grant nothing there.",
            remedy=f"Ask an administrator of {where} to make the token.",
        )


def may_manage(caller: Caller, token: Token) -> bool:
    """Whether `caller` may see and revoke this token."""
    own = caller.actor == token.actor
    return own or all(Role.ADMIN in caller.roles_in(project) for project in token.grants)


def _refused(code: str, message: str) -> Unauthenticated:
    return Unauthenticated(code, message, remedy="Ask an administrator of the project for a new token.")
