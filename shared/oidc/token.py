"""An ID token and what must hold before a word of it is believed.

Read without belief, to choose the issuer and the key:

- at most 16 KiB; three parts in canonical base64url; header and claims are strict JSON objects;
- `alg` is the issuer's, `typ` is absent or `JWT`, `kid` names the key; `crit` and `b64` are refused. `jku`, `x5u`,
  `jwk` and `x5c` are never looked at: a token does not choose who verifies it.

With the key, in this order: the signature; `iss` equals the issuer; `aud` is the audience and nobody else; `exp` and
`iat` are there and, with `nbf`, fit the time, give or take a minute; `sub` is there.

PyJWT checks the signature. The claims are checked here, since there the time would be the process's own and names given
twice would pass. Sources: RFC 7519, RFC 7515 section 4.1, RFC 8725, OpenID Connect Core 1.0 section 3.1.3.7.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Never

import jwt

from shared.crypto import strict_json
from shared.errors import Invalid, TooLarge, Unauthenticated
from shared.oidc.issuer import Issuer

MAX_CHARACTERS = 16 * 1024
LEEWAY_SECONDS = 60
MAX_CLAIMS = 100
MAX_CLAIM_CHARACTERS = 1000
_PARTS = 3
_MAX_DEPTH = 8
_LATEST = datetime(9000, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Unverified:
    """What a token says of itself: good for choosing whom to ask, and for nothing else."""

    token: str
    issuer: str
    key_id: str
    algorithm: str


@dataclass(frozen=True)
class VerifiedClaims:
    """What an issuer has signed for us, in force."""

    issuer: str
    claims: Mapping[str, str]
    """Texts, numbers and truth values as text. Lists and objects are left out: no rule is matched against them."""
    expires_at: datetime
    token_id: str | None
    """The claim `jti`, which no other token of the issuer has."""
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Lists of texts, such as groups; other lists are left out. Rules about pipelines never look at them."""


def looks_like_token(secret: str) -> bool:
    """Whether a bearer secret has the form of a signed JWT."""
    return secret.startswith("eyJ") and secret.count(".") == _PARTS - 1


def read_unverified(token: str) -> Unverified:
    """What to look for. Raises `Unauthenticated` for what nobody could verify."""
    if len(token) > MAX_CHARACTERS:
        _refuse("token_too_large", f"is longer than {MAX_CHARACTERS} characters")
    parts = token.split(".")
    if len(parts) != _PARTS:
        _refuse("token_malformed", "has not three parts")
    header, claims = _object(_decoded(parts[0])), _object(_decoded(parts[1]))
    _decoded(parts[2])
    for name in ("crit", "b64"):
        if name in header:
            _refuse("token_header_refused", f"has the header {name}, which nothing here understands")
    if str(header.get("typ", "JWT")).upper() != "JWT" or "cty" in header:
        _refuse("token_header_refused", "is of another type than JWT")
    key_id, issuer, algorithm = header.get("kid"), claims.get("iss"), header.get("alg")
    if not isinstance(algorithm, str) or not isinstance(key_id, str) or not key_id:
        _refuse("token_header_refused", "does not say its algorithm and the id of its key")
    if not isinstance(issuer, str):
        _refuse("token_issuer_unknown", "does not say its issuer")
    return Unverified(token, issuer, key_id, algorithm)


def require_algorithm(unverified: Unverified, issuer: Issuer) -> None:
    """Raises `Unauthenticated` unless the token is signed as this issuer signs."""
    if unverified.algorithm != issuer.algorithm:
        _refuse("token_algorithm_refused", f"is not signed with {issuer.algorithm}")


def verify(unverified: Unverified, issuer: Issuer, key: jwt.PyJWK, *, now: datetime) -> VerifiedClaims:
    """What the token says, once everything about it is in order. Raises `Unauthenticated`."""
    require_algorithm(unverified, issuer)
    try:
        signed = jwt.PyJWS(algorithms=[issuer.algorithm]).decode(
            unverified.token, key=key, algorithms=[issuer.algorithm]
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise _refusal("token_signature_wrong", "is not signed by its issuer") from error
    claims = _object(signed)
    if claims.get("iss") != issuer.url:
        _refuse("token_issuer_unknown", "is of another issuer")
    if claims.get("aud") not in (issuer.audience, [issuer.audience]):
        _refuse("token_audience_wrong", f"is not for {issuer.audience} alone")
    expires_at = _in_force(claims, now)
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        _refuse("token_claim_missing", "does not say its subject")
    token_id = claims.get("jti")
    return VerifiedClaims(
        issuer.url,
        _texts(claims),
        expires_at,
        token_id if isinstance(token_id, str) and token_id else None,
        _lists(claims),
    )


def _in_force(claims: Mapping[str, Any], now: datetime) -> datetime:
    present = now.timestamp()
    expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
    if present >= expires + LEEWAY_SECONDS:
        _refuse("token_expired", "has expired")
    if issued > present + LEEWAY_SECONDS:
        _refuse("token_not_yet_valid", "was made in the future")
    if "nbf" in claims and _moment(claims, "nbf") > present + LEEWAY_SECONDS:
        _refuse("token_not_yet_valid", "is not valid yet")
    return datetime.fromtimestamp(expires, UTC)


def _moment(claims: Mapping[str, Any], name: str) -> float:
    """Seconds since the epoch (NumericDate of RFC 7519)."""
    value = claims.get(name)
    if value is None:
        _refuse("token_claim_missing", f"lacks the claim {name}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _refuse("token_malformed", f"has a claim {name} that is no time")
    if not 0 <= value <= _LATEST:
        _refuse("token_malformed", f"has a claim {name} that is no time")
    return float(value)


def _texts(claims: Mapping[str, Any]) -> dict[str, str]:
    if len(claims) > MAX_CLAIMS:
        _refuse("token_too_large", f"makes more than {MAX_CLAIMS} claims")
    found = {}
    for name, value in sorted(claims.items()):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if isinstance(value, str | int) and max(len(name), len(text)) <= MAX_CLAIM_CHARACTERS:
            found[name] = text
    return found


def _lists(claims: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Bounded by the length of a token."""
    return {
        name: tuple(value)
        for name, value in sorted(claims.items())
        if isinstance(value, list) and all(isinstance(one, str) for one in value)
    }


def _decoded(part: str) -> bytes:
    """Base64url without padding, in its one spelling (RFC 7515 section 2)."""
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refusal("token_malformed", "is not base64url") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        _refuse("token_malformed", "is not base64url")
    return data


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = strict_json.loads(data, max_bytes=MAX_CHARACTERS, max_depth=_MAX_DEPTH)
    except (Invalid, TooLarge) as error:
        raise _refusal("token_malformed", "does not hold strict JSON") from error
    if not isinstance(found, dict):
        _refuse("token_malformed", "does not hold JSON objects")
    return found


def _refusal(code: str, problem: str) -> Unauthenticated:
    return Unauthenticated(code, f"The ID token {problem}.", remedy="Have the pipeline's run get a new ID token.")


def _refuse(code: str, problem: str) -> Never:
    raise _refusal(code, problem)
