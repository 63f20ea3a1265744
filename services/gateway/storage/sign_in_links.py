"""One-time sign-in links in MongoDB: only the digest of their code, and whose access token each stands for."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from shared.mongo import Collection, Index

COLLECTION = "sign_in_links"
INDEXES = (Index((("expires_at", 1),), expire_after_seconds=0),)
GOOD_FOR = timedelta(minutes=10)


class SignInLinks:
    """Links that were handed out."""

    def __init__(self, links: Collection) -> None:
        self._links = links

    async def make(self, token_id: str, now: datetime) -> tuple[str, datetime]:
        """A code that stands for the access token once, and until when."""
        code = secrets.token_urlsafe(32)
        ends_at = now + GOOD_FOR
        await self._links.add({"_id": _digest(code), "token_id": token_id, "expires_at": ends_at, "used": False})
        return code, ends_at

    async def spend(self, code: str, now: datetime) -> str | None:
        """The access token that the code stands for; None when it was used, is over or was never handed out."""
        where = {"_id": _digest(code), "used": False, "expires_at": {"$gt": now}}
        found = await self._links.change(where, {"$set": {"used": True}})
        return str(found["token_id"]) if found else None


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
