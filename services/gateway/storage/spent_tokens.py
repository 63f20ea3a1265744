"""ID tokens that were exchanged: remembered until they are over, so that each is exchanged once."""

from __future__ import annotations

import hashlib
from datetime import datetime

from shared.mongo import Collection, DuplicateKeyError, Index
from shared.oidc.token import LEEWAY_SECONDS

COLLECTION = "spent_tokens"
INDEXES = (Index((("expires_at", 1),), expire_after_seconds=2 * LEEWAY_SECONDS),)
"""Kept for longer than the tokens are believed."""


class SpentTokens:
    """Which tokens were exchanged."""

    def __init__(self, spent: Collection) -> None:
        self._spent = spent

    async def add(self, issuer: str, token_id: str, expires_at: datetime) -> bool:
        """Whether this is the first time."""
        key = hashlib.sha256(f"{issuer}\n{token_id}".encode()).hexdigest()
        try:
            await self._spent.add({"_id": key, "expires_at": expires_at})
        except DuplicateKeyError:
            return False
        return True
