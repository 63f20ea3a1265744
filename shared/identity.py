"""Who asks, proven by a short-lived token that the deciding service checks itself.

- Every issuer has an Ed25519 key; services hold the public halves in one folder, one `<issuer>.pem` each.
- The gateway may speak for anybody, since it is where people and pipelines sign in. Every other issuer may only speak
  for itself, as an actor of kind `service` that may read everywhere.
- Rights may be confined to single applications of a project. Whoever asks about anything else there, or without saying
  about which application, is refused: what does not name its application cannot be allowed by mistake.
- One algorithm, fixed; `aud`, `exp` and `iat` required; keys named in a token's own header are never looked at.
- A token is a signed statement, not a session: revoking one takes effect when it expires, so issuers make them for a
  minute, and use one again for `REUSED_FOR` at most, which saves most of the signing and checking.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from contracts.vocabulary import Actor, ActorKind, Role
from shared.clock import utc_now
from shared.errors import Forbidden, Unauthenticated

AUDIENCE = "hallmark"
ALGORITHM = "EdDSA"
SPOKESMAN = "gateway"
"""The only issuer that may speak for others."""
EVERYWHERE = "*"
Confined = Mapping[str, Mapping[str, frozenset[Role]]]
UNCONFINED = frozenset({Role.ADMIN, Role.APPROVER})
"""Roles that cannot be confined to an application."""
_LEEWAY_SECONDS = 30
REUSED_FOR = timedelta(seconds=20)
_MOST_REMEMBERED = 1000


@dataclass(frozen=True)
class Caller:
    """A proven actor and what it may do where."""

    actor: Actor
    grants: Mapping[str, frozenset[Role]]
    """Roles per project; `*` stands for every project."""
    confined: Confined = field(default_factory=dict)
    """Roles that hold in single applications only, by project and application."""

    def roles_in(self, project: str, application: str | None = None) -> frozenset[Role]:
        """All roles that count in a project; with `application`, also those that count in that one alone."""
        held = self.grants.get(project, frozenset()) | self.grants.get(EVERYWHERE, frozenset())
        if application is None:
            return held
        return held | self.confined.get(project, {}).get(application, frozenset())

    def require(self, project: str, *roles: Role, application: str | None = None) -> Role:
        """The first of `roles` that the caller has; `admin` has all but `approver`. Raises `Forbidden` for none.

        Roles confined to applications count only when `application` is one of them.
        """
        held = self.roles_in(project, application)
        for role in roles:
            if role in held:
                return role
        if Role.ADMIN in held and set(roles) != {Role.APPROVER}:
            return Role.ADMIN
        raise self._lacks(" or ".join(roles), project, application)

    def projects_with(self, *roles: Role) -> frozenset[str] | None:
        """The projects in which one of the roles is held in the whole project; None for all projects."""
        held = frozenset(name for name, given in self.grants.items() if given & set(roles))
        return None if EVERYWHERE in held else held

    def require_member(self, project: str, application: str | None = None) -> None:
        """Any role will do. Raises `Forbidden` for callers with none in this project, or in this application of it."""
        self.require(project, *Role, application=application)

    def require_entry(self, project: str) -> None:
        """Any role will do, in the project or in an application of it. Raises `Forbidden` for callers with none.

        For asks that name something by an id: `require_member` follows once it is known which application it is of.
        """
        if not any(self.confined.get(project, {}).values()):
            self.require_member(project)

    def seen_projects(self, project: str | None = None) -> frozenset[str] | None:
        """The projects in which any role is held, or the one that is asked about; None for all there are.

        Rights in single applications count for nothing here. Raises `Forbidden` for a project without any role.
        """
        if project is not None:
            self.require_member(project)
            return frozenset({project})
        if self.grants.get(EVERYWHERE):
            return None
        return frozenset(name for name, roles in self.grants.items() if roles)

    def _lacks(self, wanted: str, project: str, application: str | None) -> Forbidden:
        if self.confined.get(project):
            allowed = ", ".join(sorted(self.confined[project]))
            return Forbidden(
                "role_missing",
                f"{self.actor.subject} may act in {project} for {allowed} only, and needs the role {wanted}"
                f" {f'in {application}' if application else 'in the whole project'}.",
                remedy=f"Name the application, or ask an administrator of {project} to grant it to the pipeline.",
            )
        return Forbidden(
            "role_missing",
            f"{self.actor.subject} needs the role {wanted} in project {project}.",
            remedy=f"Ask an administrator of {project} for a token with the role {wanted}.",
        )


def proven(caller: Caller | None) -> Caller:
    """The caller of a message that needs one. Raises `Unauthenticated` when nobody has proven who asks."""
    if caller is None:
        raise Unauthenticated(
            "token_missing", "Nobody has proven who asks.", remedy="Send a token in the authorization header."
        )
    return caller


def issue_token(
    key: Ed25519PrivateKey,
    issuer: str,
    caller: Caller,
    *,
    now: datetime,
    lifetime: timedelta = timedelta(minutes=1),
) -> str:
    """A token in which `issuer` says who asks."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": caller.actor.subject,
        "kind": caller.actor.kind.value,
        "grants": _written(caller.grants),
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
        "jti": uuid.uuid4().hex,
    }
    if caller.confined:
        # A claim of its own: whoever does not know it allows less, and never more.
        claims["confined"] = {project: _written(held) for project, held in sorted(caller.confined.items())}
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def _written(grants: Mapping[str, frozenset[Role]]) -> dict[str, list[str]]:
    return {name: sorted(role.value for role in roles) for name, roles in sorted(grants.items())}


def _read(grants: Mapping[str, Any]) -> dict[str, frozenset[Role]]:
    return {str(name): frozenset(Role(role) for role in roles) for name, roles in grants.items()}


class Speaker:
    """Makes an issuer's tokens, the same again for the same caller within a short while."""

    def __init__(self, key: Ed25519PrivateKey, issuer: str) -> None:
        self._key = key
        self._issuer = issuer
        self._made: dict[str, tuple[datetime, str]] = {}

    def token(self, caller: Caller, now: datetime) -> str:
        """A token in which the issuer says who asks, good for at least forty seconds from `now`."""
        who = json.dumps(
            [
                caller.actor.subject,
                caller.actor.kind,
                _written(caller.grants),
                {project: _written(held) for project, held in sorted(caller.confined.items())},
            ]
        )
        made_at, token = self._made.get(who, (None, ""))
        if made_at is None or not timedelta() <= now - made_at < REUSED_FOR:
            if len(self._made) >= _MOST_REMEMBERED:
                self._made.clear()
            token = issue_token(self._key, self._issuer, caller, now=now)
            self._made[who] = (now, token)
        return token


class Issuers:
    """The public keys of everybody whose tokens are believed."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = dict(keys)
        self._verified: dict[str, tuple[Caller, int]] = {}
        """Tokens whose signature was found to be good, with the moment each ends: only the time can change that."""

    @classmethod
    def from_folder(cls, folder: Path) -> Issuers:
        """Read `<issuer>.pem` files. Raises `OSError` for a missing folder, `ValueError` for other kinds of keys."""
        keys: dict[str, Ed25519PublicKey] = {}
        for path in sorted(folder.glob("*.pem")):
            key = load_pem_public_key(path.read_bytes())
            if not isinstance(key, Ed25519PublicKey):
                raise ValueError(f"{path.name} is not an Ed25519 public key")  # noqa: TRY004 - a bad file, not a bug
            keys[path.stem] = key
        if not keys:
            raise FileNotFoundError(f"no issuer keys in {folder}")
        return cls(keys)

    def verify(self, token: str) -> Caller:
        """Who the token speaks for. Raises `Unauthenticated` unless every part of it is in order."""
        known = self._verified.get(token)
        if known and utc_now().timestamp() < known[1]:
            return known[0]
        caller, ends_at = self._verify(token)
        if len(self._verified) >= _MOST_REMEMBERED:
            self._verified.clear()
        self._verified[token] = (caller, ends_at)
        return caller

    def _verify(self, token: str) -> tuple[Caller, int]:
        try:
            issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
            key = self._keys[issuer]
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=issuer,
                options={
                    "require": ["exp", "iat", "aud", "iss", "sub"],
                    "strict_aud": True,
                    # By the installation's time, not by this machine's.
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            _require_current(int(claims["iat"]), int(claims["exp"]))
            return _caller(issuer, claims), int(claims["exp"])
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError) as error:
            raise Unauthenticated(
                "token_invalid",
                f"The token does not prove who asks ({type(error).__name__}).",
                remedy="Sign in again, or ask for a new token.",
            ) from error


def _require_current(issued_at: int, ends_at: int) -> None:
    now = utc_now().timestamp()
    if issued_at > now + _LEEWAY_SECONDS:
        raise jwt.ImmatureSignatureError("issued in the future")
    if ends_at <= now - _LEEWAY_SECONDS:
        raise jwt.ExpiredSignatureError("expired")


def _caller(issuer: str, claims: dict[str, Any]) -> Caller:
    actor = Actor(subject=claims["sub"], kind=ActorKind(claims["kind"]))
    if issuer != SPOKESMAN:
        if actor.subject != issuer or actor.kind is not ActorKind.SERVICE:
            raise ValueError(f"{issuer} may not speak for {actor.subject}")
        return Caller(actor, {EVERYWHERE: frozenset({Role.VIEWER})})
    confined = {str(project): _read(held) for project, held in claims.get("confined", {}).items()}
    if any(UNCONFINED & roles for held in confined.values() for roles in held.values()):
        raise ValueError("nobody administers or approves for a single application only")
    return Caller(actor, _read(claims.get("grants", {})), confined)


def load_identity_key(path: Path) -> Ed25519PrivateKey:
    """A private key from PEM. Raises `OSError` or `ValueError`."""
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} is not an Ed25519 private key")  # noqa: TRY004 - a bad file, not a bug
    return key
