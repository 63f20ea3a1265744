"""One sign-in at an issuer, from the way there to the way back (OpenID Connect Core 1.0, RFC 7636, RFC 9700).

- The browser keeps one random secret in a cookie that scripts cannot read; `state`, `nonce` and the code verifier are
  derived from it. So a way back that another browser began, or nobody, fits nothing, and the server keeps nothing of
  ways that were never finished.
- The secret itself never leaves the browser but to us; who sees `state` and `nonce` cannot compute the verifier.
- It is good for ten minutes. That it is used once, the caller sees to.
- The answer must name the issuer when the issuer says that it does so, and never another one: an answer that belongs
  to somebody else's issuer is not mixed up with ours (RFC 9207).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Never
from urllib.parse import urlencode

from shared.errors import Unauthenticated
from shared.oidc.endpoints import CHALLENGE, Endpoints

COOKIE = "hallmark_sign_in"
GOOD_FOR = timedelta(minutes=10)
LONGEST_WAY = 1500
"""Characters of the address to go to afterwards; a longer one becomes the overview."""
_LEAST_SECRET = 32
_PARTS = 3
_ONCE_MORE = "Sign in again; if it stays, tell an administrator the code."


@dataclass(frozen=True)
class Flow:
    """One sign-in under way, as its browser keeps it."""

    secret: str
    begun: int
    """Seconds since the epoch."""
    then: str
    """Where to go afterwards: a path of ours."""

    @property
    def state(self) -> str:
        """What the issuer sends back."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """What the ID token must carry."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """What redeems the code, and is shown to nobody before."""
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        """What the issuer compares the verifier with."""
        return _encoded(hashlib.sha256(self.verifier.encode()).digest())

    @property
    def ends_at(self) -> int:
        """When it is over, in seconds since the epoch."""
        return self.begun + int(GOOD_FOR.total_seconds())

    def cookie(self) -> str:
        """What the browser keeps."""
        return f"{self.secret}.{self.begun}.{_encoded(self.then.encode())}"

    def _derived(self, name: str) -> str:
        meant = f"{name}\n{self.begun}\n{self.then}".encode()
        return _encoded(hmac.digest(self.secret.encode(), meant, "sha256"))


@dataclass(frozen=True)
class Answer:
    """What the browser brings back from an issuer."""

    code: str = ""
    state: str = ""
    issuer: str = ""
    error: str = ""


def begin(secret: str, then: str, now: datetime) -> Flow:
    """A sign-in that begins now."""
    return Flow(secret, int(now.timestamp()), then if len(then) <= LONGEST_WAY else "/")


def read_flow(cookie: str, now: datetime) -> Flow:
    """The sign-in that this browser began. Raises `Unauthenticated` when it began none, or too long ago."""
    parts = cookie.split(".")
    if len(parts) != _PARTS or len(parts[0]) < _LEAST_SECRET or not (parts[1].isascii() and parts[1].isdigit()):
        refuse("sign_in_not_begun", "This browser has begun no sign-in, or has finished it.")
    try:
        then = base64.urlsafe_b64decode(parts[2] + "=" * (-len(parts[2]) % 4)).decode()
        flow = Flow(parts[0], int(parts[1]), then)
    except ValueError as error:
        raise refusal("sign_in_not_begun", "This browser has begun no sign-in that can be read.") from error
    if now.timestamp() > flow.ends_at:
        refuse("sign_in_too_late", "The sign-in took longer than ten minutes.")
    return flow


def require_answer(flow: Flow, answer: Answer, issuer: str, endpoints: Endpoints) -> None:
    """Raises `Unauthenticated` unless this is the issuer's answer to this very sign-in, with a code."""
    if not hmac.compare_digest(flow.state.encode(), answer.state.encode()):
        refuse("sign_in_forged", "The answer belongs to a sign-in that this browser did not begin.")
    if answer.issuer != issuer and (answer.issuer or endpoints.names_itself):
        refuse("sign_in_mixed_up", "The answer comes from another issuer than the one asked.")
    if answer.error or not answer.code:
        refuse("sign_in_declined", "The issuer did not sign anybody in.")


def require_nonce(flow: Flow, nonce: str) -> None:
    """Raises `Unauthenticated` unless the ID token was made for this very sign-in."""
    if not hmac.compare_digest(flow.nonce.encode(), nonce.encode()):
        refuse("sign_in_replayed", "The ID token was made for another sign-in.")


def way_there(endpoints: Endpoints, flow: Flow, *, client_id: str, redirect_uri: str, scopes: str) -> str:
    """The issuer's page on which one signs in."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes.split()),
        "state": flow.state,
        "nonce": flow.nonce,
        "code_challenge": flow.challenge,
        "code_challenge_method": CHALLENGE,
    }
    return f"{endpoints.authorization}?{urlencode(query)}"


def refusal(code: str, message: str) -> Unauthenticated:
    """The error for a sign-in that does not work out."""
    return Unauthenticated(code, message, remedy=_ONCE_MORE)


def refuse(code: str, message: str) -> Never:
    """Raises `Unauthenticated`."""
    raise refusal(code, message)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
