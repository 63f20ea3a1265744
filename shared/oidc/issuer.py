"""Whose ID tokens are believed: one audience and one algorithm for each issuer.

- Issuers are named by the operator. What a token says of itself chooses among them and adds nothing.
- URLs are https, without user, query and fragment (OpenID Connect Discovery 1.0, section 2). Two spellings of one
  issuer are two issuers.
- `none` and the HMAC algorithms do not exist here: a public key is never a shared secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

CURVES = {"ES256": ("P-256",), "ES384": ("P-384",), "ES512": ("P-521",), "EdDSA": ("Ed25519", "Ed448")}
"""The `crv` that a key must have, where there are several."""
FAMILIES = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "ES512": "EC",
    "EdDSA": "OKP",
}
"""Algorithms (RFC 7518 section 3.1, RFC 8037) with the `kty` of their keys."""
DISCOVERY = "/.well-known/openid-configuration"
_LONGEST_URL = 500


@dataclass(frozen=True)
class Issuer:
    """Who makes tokens, for whom, signed how. Raises `ValueError` for what could not be checked exactly."""

    url: str
    """Equals the claim `iss`, letter by letter."""
    audience: str
    """Equals the claim `aud`: names this installation, so that a token for another one opens nothing here."""
    algorithm: str = "RS256"
    jwks_url: str | None = None
    """Where its keys are; found by discovery when absent."""

    def __post_init__(self) -> None:
        require_https(self.url)
        if self.jwks_url is not None:
            require_https(self.jwks_url)
        if self.algorithm not in FAMILIES:
            raise ValueError(f"{self.algorithm} is none of {', '.join(FAMILIES)}")
        if not self.audience.strip():
            raise ValueError(f"the issuer {self.url} needs an audience")

    @property
    def discovery_url(self) -> str:
        """Where the issuer describes itself."""
        return self.url.rstrip("/") + DISCOVERY


def require_https(url: str) -> None:
    """Raises `ValueError` unless this is a plain https URL with a host."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound, parts = False, urlsplit("")
    plain = not (parts.username or parts.password or parts.query or parts.fragment or "?" in url or "#" in url)
    printable = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if not (sound and plain and printable and len(url) <= _LONGEST_URL):
        raise ValueError("an issuer's URL is https, with a host, without user, query and fragment")
