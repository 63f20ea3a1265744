"""Access tokens in MongoDB."""

from __future__ import annotations

from contracts.vocabulary import Actor, ActorKind, Role
from services.gateway.tokens import Token
from shared.errors import Conflict
from shared.identity import EVERYWHERE, Caller
from shared.mongo import Collection, Document, DuplicateKeyError, Index

COLLECTION = "tokens"
_KEPT_AFTER_EXPIRY = 30 * 86_400
INDEXES = (
    Index((("subject", 1), ("_id", 1))),
    Index((("request_id", 1),), unique=True, where={"request_id": {"$type": "string"}}),
    Index((("expires_at", 1),), expire_after_seconds=_KEPT_AFTER_EXPIRY),
)


class TokenRepository:
    """All access tokens."""

    def __init__(self, tokens: Collection) -> None:
        self._tokens = tokens

    async def known_as(self, token_id: str) -> Token | None:
        """The token with that id."""
        found = await self._tokens.get(token_id)
        return _from_document(found) if found else None

    async def refuse_repeat(self, token: Token) -> None:
        """Raises `Conflict` when the same request made a token before."""
        if token.request_id and await self._tokens.find_one({"request_id": token.request_id}):
            raise _made_before()

    async def add(self, token: Token) -> None:
        """Keep a new token. Raises `Conflict` when the same request made one before."""
        try:
            await self._tokens.add(_to_document(token))
        except DuplicateKeyError as error:
            raise _made_before() from error

    async def managed_by(self, caller: Caller, *, after: str | None, limit: int) -> list[Token]:
        """The tokens `caller` may see, by id."""
        where: Document = {"_id": {"$gt": after}} if after else {}
        admin_of = [project for project, roles in caller.grants.items() if Role.ADMIN in roles]
        if EVERYWHERE not in admin_of:
            mine = {"subject": caller.actor.subject, "kind": caller.actor.kind.value}
            within = {"projects": {"$not": {"$elemMatch": {"$nin": admin_of}}}}
            where["$or"] = [mine, within]
        return [_from_document(found) for found in await self._tokens.find(where, limit=limit)]

    async def revoke(self, token_id: str) -> None:
        """The token opens nothing from now on."""
        await self._tokens.update({"_id": token_id}, {"$set": {"revoked": True}})


def _made_before() -> Conflict:
    return Conflict(
        "token_already_made",
        "A token was made for this idempotency key already, and its secret is shown only once.",
        remedy="If the secret was lost, revoke that token and ask again with a new key.",
    )


def _to_document(token: Token) -> Document:
    return {
        "_id": token.token_id,
        "subject": token.actor.subject,
        "kind": token.actor.kind.value,
        "grants": [
            {"project": project, "roles": sorted(role.value for role in roles)}
            for project, roles in token.grants.items()
        ],
        "projects": sorted(token.grants),
        "created_by": token.created_by,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked": token.revoked,
        "request_id": token.request_id,
    }


def _from_document(found: Document) -> Token:
    return Token(
        token_id=found["_id"],
        actor=Actor(subject=found["subject"], kind=ActorKind(found["kind"])),
        grants={grant["project"]: frozenset(Role(role) for role in grant["roles"]) for grant in found["grants"]},
        created_by=found["created_by"],
        created_at=found["created_at"],
        expires_at=found["expires_at"],
        revoked=found["revoked"],
        request_id=found["request_id"],
    )
