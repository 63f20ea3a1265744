"""An OpenID provider that signs people in: whoever asks is signed in as `who`, and what it answers can be falsified."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.oidc import AnIssuer

CLIENT, SECRET = "hallmark-console", "canary:client secret"
ANN = {"sub": "0001-ann", "preferred_username": "ann", "name": "Ann Smith", "email": "ann@example.com"}


@dataclass
class Provider:
    """Keeps the codes that it gave out, redeems each once, and checks client, verifier and redirect as it must."""

    signer: AnIssuer = field(default_factory=AnIssuer)
    who: Mapping[str, Any] = field(default_factory=lambda: dict(ANN))
    claims: dict[str, Any] = field(default_factory=dict)
    """Put into ID tokens in place of what belongs there; a claim that is `...` is left out."""
    headers: dict[str, Any] = field(default_factory=dict)
    key: str = "one"
    described: dict[str, Any] = field(default_factory=dict)
    """Put into the discovery document."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """What browsers came with."""
    tokens: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    returned: str | None = None
    """An ID token to answer with, whatever is asked."""

    @property
    def url(self) -> str:
        return self.signer.url

    @url.setter
    def url(self, value: str) -> None:
        self.signer.url = value

    def settings(self, certificate: Any) -> dict[str, Any]:
        return {
            "sign_in_issuer": self.url,
            "sign_in_client_id": CLIENT,
            "sign_in_client_secret": SECRET,
            "oidc_allowed_networks": "127.0.0.0/8, ::1/128",
            "oidc_ca_file": certificate,
        }

    def authorized(self, url: str) -> str:
        """Sign `who` in, as the page at `url` does, and say where the browser is sent back to."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert "openid" in asked["scope"].split()
        self.asked.append(asked)
        code = f"canary-code-{secrets.token_hex(8)}"
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.url}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def app(self) -> Starlette:
        routes = [
            Route("/.well-known/openid-configuration", self._describe),
            Route("/jwks", self._keys),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def _describe(self, _: Request) -> Response:
        found = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return JSONResponse(found | self.described)

    async def _keys(self, _: Request) -> Response:
        return JSONResponse(self.signer.key_set())

    async def _authorize(self, request: Request) -> Response:
        return RedirectResponse(self.authorized(str(request.url)), 303)

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        code = form.get("code", "")
        asked = self.codes.get(code)
        kind, _, credentials = request.headers.get("authorization", "").partition(" ")
        user, _, password = base64.b64decode(credentials).decode().partition(":")
        if kind != "Basic" or (unquote_plus(user), unquote_plus(password)) != (CLIENT, SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or code in self.spent
            or form["redirect_uri"] != asked["redirect_uri"]
            or challenge.rstrip(b"=").decode() != asked["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.spent.add(code)
        token = self.returned or self.signed(asked["nonce"])
        self.tokens.append(token)
        return JSONResponse({"access_token": "canary-access", "token_type": "Bearer", "id_token": token})

    def signed(self, nonce: str) -> str:
        """The ID token of `who`."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.who,
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not ...}
        return self.signer.signed(kept, key=self.key, headers=self.headers)
