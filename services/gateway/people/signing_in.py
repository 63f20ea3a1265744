"""Signing people in with their issuer: the way there, and what the way back proves.

- The answer is looked at first, then marked as used, then redeemed: an answer counts once, whatever comes of it.
- The ID token comes from the issuer over TLS, and is verified nevertheless as every other: signature with the issuer's
  one algorithm, `iss`, `aud` equal to our client id alone, `exp`, `iat`; then `azp` and the nonce of this sign-in.
- Nothing of the codes, secrets and tokens is logged or kept. The access token that comes along is not looked at.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote_plus

from services.gateway.people.flow import (
    Answer,
    Flow,
    begin,
    read_flow,
    refusal,
    refuse,
    require_answer,
    require_nonce,
    way_there,
)
from services.gateway.people.person import Proven, shown
from services.gateway.sign_in_settings import SignInSettings
from services.gateway.storage.spent_tokens import SpentTokens
from shared.errors import Invalid, Unauthenticated
from shared.oidc.endpoints import BASIC, Endpoints
from shared.oidc.fetching import KeyFetcher
from shared.oidc.issuer import Issuer
from shared.oidc.token import VerifiedClaims
from shared.oidc.verifier import Verifier

_DESCRIBED_FOR = 300.0
"""Seconds for which the issuer's discovery document counts."""
_MOST_GROUPS = 200
_LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0, section 2


class IssuerSignIn:
    """Signs people in with one issuer."""

    def __init__(
        self,
        issuer: Issuer,
        settings: SignInSettings,
        fetcher: KeyFetcher,
        verifier: Verifier,
        spent: SpentTokens,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._settings = settings
        self._fetcher = fetcher
        self._verifier = verifier
        self._spent = spent
        self._clock = clock
        self._described: tuple[float, Endpoints] | None = None

    async def begun(self, then: str, now: datetime) -> tuple[str, Flow]:
        """Where to send the browser, and what it must keep. Raises `Transient` or `Invalid` for a wrong issuer."""
        endpoints = await self._endpoints()
        flow = begin(secrets.token_urlsafe(32), then, now)
        settings = self._settings
        url = way_there(
            endpoints,
            flow,
            client_id=settings.sign_in_client_id,
            redirect_uri=settings.redirect_uri,
            scopes=settings.sign_in_scopes,
        )
        return url, flow

    async def finished(self, cookie: str, answer: Answer, now: datetime) -> tuple[Proven, Flow]:
        """Who came back. Raises `Unauthenticated` for anything that is not in order, `Transient` to try again."""
        flow = read_flow(cookie, now)
        endpoints = await self._endpoints()
        require_answer(flow, answer, self._issuer.url, endpoints)
        marked = hashlib.sha256(flow.state.encode()).hexdigest()
        if not await self._spent.add("sign-in", marked, datetime.fromtimestamp(flow.ends_at, UTC)):
            refuse("sign_in_replayed", "The answer was used before.")
        said = await self._verified(await self._redeemed(endpoints, answer.code, flow), now)
        if said.claims.get("azp", self._issuer.audience) != self._issuer.audience:
            refuse("sign_in_mixed_up", "The ID token was made for another client.")
        require_nonce(flow, said.claims.get("nonce", ""))
        return self._proven(said), flow

    async def _endpoints(self) -> Endpoints:
        now = self._clock()
        if self._described is None or now - self._described[0] >= _DESCRIBED_FOR:
            self._described = now, await self._fetcher.endpoints_of(self._issuer)
        return self._described[1]

    async def _redeemed(self, endpoints: Endpoints, code: str, flow: Flow) -> str:
        settings = self._settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "code_verifier": flow.verifier,
        }
        secret = settings.sign_in_client_secret.get_secret_value() if settings.sign_in_client_secret else ""
        basic = None
        if secret and endpoints.secret_in == BASIC:
            basic = quote_plus(settings.sign_in_client_id), quote_plus(secret)  # RFC 6749, section 2.3.1
        else:
            form |= {"client_id": settings.sign_in_client_id, **({"client_secret": secret} if secret else {})}
        try:
            found = await self._fetcher.redeemed(endpoints.token, form, basic=basic)
        except Invalid as error:
            raise refusal("sign_in_not_redeemed", error.message) from error
        token = found.get("id_token") if isinstance(found, dict) else None
        if not isinstance(token, str):
            refuse("sign_in_not_redeemed", "The issuer sent no ID token.")
        return token

    async def _verified(self, token: str, now: datetime) -> VerifiedClaims:
        try:
            return await self._verifier.verify(token, now=now)
        except Unauthenticated as error:
            raise refusal(error.code, error.message) from error

    def _proven(self, said: VerifiedClaims) -> Proven:
        claims = said.claims
        subject = claims.get("sub", "")
        if not 0 < len(subject) <= _LONGEST_SUBJECT:
            refuse("token_claim_missing", f"The ID token names no subject of at most {_LONGEST_SUBJECT} characters.")
        name = claims.get("preferred_username") or claims.get("name") or ""
        groups = said.lists.get(self._settings.sign_in_groups_claim, ())
        # Only groups that bring something are of use; the others are nobody's business here.
        known = [group for group in groups if group in self._settings.sign_in_group_grants]
        return Proven(said.issuer, subject, shown(name), shown(claims.get("email", "")), tuple(known[:_MOST_GROUPS]))
