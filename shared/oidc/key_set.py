"""The keys an issuer publishes (RFC 7517), as far as they can verify its tokens.

- A key counts when its `kty` and `crv` fit the issuer's algorithm, its `use`, `key_ops` and `alg` do not speak against
  it, it has an id, and it is no private key. Others are passed over: issuers publish keys for other purposes beside.
- RSA keys have at least 2048 bits (RFC 7518 section 3.3).
- Two keys under one id could verify different things: such a set is refused as a whole, and so is one without any key
  that counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.crypto import strict_json
from shared.errors import Invalid, TooLarge
from shared.oidc.issuer import CURVES, FAMILIES

KeySet = Mapping[str, jwt.PyJWK]
"""Verification keys by their id."""
MAX_BYTES = 2**20
_MAX_KEYS = 100
_MAX_KEY_ID = 200
_LEAST_RSA_BITS = 2048
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def read_key_set(data: bytes, algorithm: str) -> KeySet:
    """The keys in a JWK set that verify `algorithm`. Raises `Invalid`."""
    try:
        document = strict_json.loads(data, max_bytes=MAX_BYTES)
    except TooLarge as error:
        raise _unusable("is too large") from error
    except Invalid as error:
        raise _unusable("is not JSON") from error
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > _MAX_KEYS:
        raise _unusable(f"is no list of at most {_MAX_KEYS} keys")
    found: dict[str, jwt.PyJWK] = {}
    for one in listed:
        key = _usable(one, algorithm)
        if key is None:
            continue
        if one["kid"] in found:
            raise _unusable("has two keys with one id")
        found[one["kid"]] = key
    if not found:
        raise _unusable(f"has no key for {algorithm}")
    return found


def _usable(one: Any, algorithm: str) -> jwt.PyJWK | None:
    if not isinstance(one, dict) or one.get("kty") != FAMILIES[algorithm] or _PRIVATE & one.keys():
        return None
    operations = one.get("key_ops", ["verify"])
    kid = one.get("kid")
    fits = (
        one.get("use", "sig") == "sig"
        and one.get("alg", algorithm) == algorithm
        and isinstance(operations, list)
        and "verify" in operations
        and one.get("crv") in CURVES.get(algorithm, (None,))
        and isinstance(kid, str)
        and 0 < len(kid) <= _MAX_KEY_ID
    )
    if not fits:
        return None
    try:
        key = jwt.PyJWK(one, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < _LEAST_RSA_BITS:
        return None
    return key


def _unusable(problem: str) -> Invalid:
    return Invalid("issuer_keys_unusable", f"The issuer's key set {problem}.", remedy="Check the issuer's jwks_uri.")
