"""From a bearer secret to what a believed issuer says about a run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.errors import Unauthenticated
from shared.oidc.issuer import Issuer
from shared.oidc.key_cache import KeyCache
from shared.oidc.token import VerifiedClaims, read_unverified, require_algorithm, verify


class Verifier:
    """Verifies ID tokens of some issuers."""

    def __init__(self, issuers: Iterable[Issuer], keys: KeyCache) -> None:
        self._issuers = {one.url: one for one in issuers}
        self._keys = keys

    async def verify(self, token: str, *, now: datetime) -> VerifiedClaims:
        """What the token's issuer has signed.

        Raises `Unauthenticated` for every token that is not in order, `Transient` when keys cannot be had.
        """
        unverified = read_unverified(token)
        issuer = self._issuers.get(unverified.issuer)
        if issuer is None:
            raise Unauthenticated(
                "token_issuer_unknown",
                "The ID token is of an issuer that is not believed here.",
                remedy="Have the operator name the issuer in HALLMARK_OIDC_ISSUERS.",
            )
        require_algorithm(unverified, issuer)
        return verify(unverified, issuer, await self._keys.key(issuer, unverified.key_id), now=now)
