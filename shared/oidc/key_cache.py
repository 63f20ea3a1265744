"""Issuers' keys as they were fetched last.

- A set replaces the one before, whole: a key that its issuer took away is gone with the next fetch.
- Sets are fetched anew after five minutes, and when a token names a key that is not known.
- An issuer is asked once a minute at most, however many tokens with unknown keys come, and whoever hangs up.
- While fetching fails, the last good set counts for an hour since it was fetched. Then nothing is believed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import jwt

from shared.errors import HallmarkError, Transient, Unauthenticated
from shared.logs import log
from shared.oidc.issuer import Issuer
from shared.oidc.key_set import KeySet

PAUSE = 60.0
"""Seconds between two fetches from one issuer, at least."""
REFRESH_AFTER = 300.0
TTL = 3600.0


@dataclass
class _Known:
    keys: KeySet | None = None
    fetched_at: float = 0.0
    tried_at: float | None = None
    fetching: asyncio.Task[None] | None = None


class KeyCache:
    """The keys of issuers, for one process."""

    def __init__(
        self, fetch: Callable[[Issuer], Awaitable[KeySet]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: dict[Issuer, _Known] = {}

    async def key(self, issuer: Issuer, key_id: str) -> jwt.PyJWK:
        """The issuer's key with that id.

        Raises `Unauthenticated` when the issuer has none, `Transient` when nobody can tell.
        """
        known = self._known.setdefault(issuer, _Known())
        keys = self._keys(known)
        if keys is None or key_id not in keys or self._clock() - known.fetched_at >= REFRESH_AFTER:
            await self._refreshed(issuer, known)
            keys = self._keys(known)
        if keys is None:
            raise Transient(
                "issuer_keys_unavailable",
                f"The keys of {issuer.url} cannot be had right now.",
                remedy="Try again in a minute.",
            )
        if key_id not in keys:
            raise Unauthenticated(
                "token_key_unknown",
                f"{issuer.url} has no key with the id that the ID token names.",
                remedy="Have the pipeline's run get a new ID token.",
            )
        return keys[key_id]

    def _keys(self, known: _Known) -> KeySet | None:
        return known.keys if self._clock() - known.fetched_at < TTL else None

    async def _refreshed(self, issuer: Issuer, known: _Known) -> None:
        if known.fetching is None:
            if known.tried_at is not None and self._clock() - known.tried_at < PAUSE:
                return
            known.tried_at = self._clock()
            known.fetching = asyncio.create_task(self._replace(issuer, known))
        # Whoever waits may go away; the fetch that was begun is for everybody.
        await asyncio.shield(known.fetching)

    async def _replace(self, issuer: Issuer, known: _Known) -> None:
        try:
            known.keys = await self._fetch(issuer)
            known.fetched_at = self._clock()
        except HallmarkError as error:
            log.warning("keys of an issuer not fetched", issuer=issuer.url, code=error.code, problem=error.message)
        finally:
            known.fetching = None
