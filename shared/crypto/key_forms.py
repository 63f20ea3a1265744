"""The forms in which public keys are handed over.

- PEM (SubjectPublicKeyInfo); JWK, as JSON text; and the base64 of the DER of a SubjectPublicKeyInfo, which is what
  Sigstore's documents call `rawBytes`.
- A certificate is not a key: what it says about its holder would be believed by nobody and lost.
- A JWK that holds a private part is refused: it should not have travelled. What it says about use is not asked; the
  operator decides.

Source: RFC 7517, RFC 7518 section 6, RFC 8037 section 2; sigstore/protobuf-specs sigstore_common.proto.
"""

from __future__ import annotations

import re
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurve,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from shared.crypto import base64_text, keys, strict_json
from shared.errors import HallmarkError, Invalid

MAX_CHARACTERS = 16 * 1024

_CURVES: dict[str, type[EllipticCurve]] = {"P-256": SECP256R1, "P-384": SECP384R1}
_COORDINATE_BYTES = {"P-256": 32, "P-384": 48}
_PRIVATE = ("d", "p", "q", "k")
_UNPADDED = re.compile(r"[A-Za-z0-9_-]+")


def read_public(text: str) -> keys.PublicKey:
    """The public key in `text`, whatever its form. Raises `Invalid` when it is none, or not an accepted kind."""
    stripped = text.strip()
    if len(stripped) > MAX_CHARACTERS:
        raise _unusable("it is longer than any accepted key")
    if "CERTIFICATE-----" in stripped:
        raise _unusable("it is a certificate")
    if stripped.startswith("-----BEGIN"):
        return keys.load_public(stripped)
    if stripped.startswith("{"):
        return _from_jwk(stripped)
    encoded = base64_text.decode(stripped)
    if not encoded:
        raise _unusable("it is neither PEM, JWK nor base64 of DER")
    return from_der(encoded)


def from_der(encoded: bytes) -> keys.PublicKey:
    """The public key in a SubjectPublicKeyInfo in DER. Raises `Invalid` as `read_public` does."""
    try:
        public = load_der_public_key(encoded)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unusable("it is no SubjectPublicKeyInfo in DER") from error
    return keys.accepted(public)


def _from_jwk(text: str) -> keys.PublicKey:
    try:
        jwk = strict_json.loads_object(text.encode())
    except HallmarkError as error:
        raise _unusable("it is no JWK") from error
    if any(name in jwk for name in _PRIVATE):
        raise _unusable("it holds a private key")
    try:
        return keys.accepted(_public_of(jwk))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unusable("its numbers make no key") from error


def _public_of(jwk: dict[str, Any]) -> PublicKeyTypes:
    match jwk.get("kty"), jwk.get("crv"):
        case "OKP", "Ed25519":
            return Ed25519PublicKey.from_public_bytes(_bytes(jwk, "x"))
        case "EC", str(name) if name in _CURVES:
            x, y = _bytes(jwk, "x"), _bytes(jwk, "y")
            if len(x) != _COORDINATE_BYTES[name] or len(y) != _COORDINATE_BYTES[name]:
                raise _unusable("its coordinates do not have the length of its curve")
            numbers = EllipticCurvePublicNumbers(_integer(x), _integer(y), _CURVES[name]())
            return numbers.public_key()
        case "RSA", _:
            return RSAPublicNumbers(_integer(_bytes(jwk, "e")), _integer(_bytes(jwk, "n"))).public_key()
        case _:
            raise _unusable("its kind is not accepted")


def _bytes(jwk: dict[str, Any], name: str) -> bytes:
    text = jwk.get(name)
    if isinstance(text, str) and _UNPADDED.fullmatch(text):
        # RFC 7515 writes base64url without padding; an alphabet of its own keeps `decode` at one spelling.
        standard = text.replace("-", "+").replace("_", "/")
        value = base64_text.decode(standard + "=" * (-len(text) % 4))
        if value is not None:
            return value
    raise _unusable(f"its {name} is not base64url")


def _integer(value: bytes) -> int:
    return int.from_bytes(value, "big")


def _unusable(problem: str) -> Invalid:
    return Invalid(
        "key_unusable",
        f"The key cannot be used: {problem}.",
        remedy="Give a public key in PEM, as a JWK, or as base64 of its DER: Ed25519, ECDSA P-256 or P-384, or RSA.",
    )
