"""What an issuer says of itself in its discovery document (OpenID Connect Discovery 1.0, section 3).

- It must name the issuer it was asked for, letter by letter: who answers under another name is somebody else.
- Every URL in it is https, without user, query and fragment.
- Signing people in needs the code flow and, where the document says which challenges it knows, S256 (RFC 7636).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from shared.errors import Invalid, Transient
from shared.oidc.issuer import Issuer, require_https

CHALLENGE = "S256"
BASIC, POST = "client_secret_basic", "client_secret_post"


@dataclass(frozen=True)
class Endpoints:
    """Where an issuer signs people in."""

    authorization: str
    token: str
    secret_in: str
    """How a client shows its secret: `client_secret_basic` or `client_secret_post`."""
    names_itself: bool
    """Whether each of its answers carries `iss` (RFC 9207)."""


def read_jwks_uri(document: JsonValue, issuer: Issuer) -> str:
    """Where the issuer's keys are. Raises `Invalid`."""
    return _https(_of(document, issuer), "jwks_uri", "its keys")


def read_endpoints(document: JsonValue, issuer: Issuer) -> Endpoints:
    """Where the issuer signs people in. Raises `Invalid` when it does not do so in a way that is spoken here."""
    found = _of(document, issuer)
    challenges = _listed(found, "code_challenge_methods_supported", (CHALLENGE,))
    if CHALLENGE not in challenges:
        raise refused(f"does not know the challenge {CHALLENGE}")
    if "code" not in _listed(found, "response_types_supported", ("code",)):
        raise refused("does not answer with codes")
    ways = _listed(found, "token_endpoint_auth_methods_supported", (BASIC,))
    return Endpoints(
        authorization=_https(found, "authorization_endpoint", "signing in"),
        token=_https(found, "token_endpoint", "redeeming codes"),
        secret_in=POST if POST in ways and BASIC not in ways else BASIC,
        names_itself=found.get("authorization_response_iss_parameter_supported") is True,
    )


def _of(document: JsonValue, issuer: Issuer) -> Mapping[str, JsonValue]:
    if not isinstance(document, dict) or document.get("issuer") != issuer.url:
        raise refused("describes another issuer")
    return document


def _https(document: Mapping[str, JsonValue], name: str, purpose: str) -> str:
    url = document.get(name)
    try:
        require_https(url if isinstance(url, str) else "")
    except ValueError as error:
        raise refused(f"names no https URL for {purpose}") from error
    return str(url)


def _listed(document: Mapping[str, JsonValue], name: str, usually: tuple[str, ...]) -> tuple[JsonValue, ...]:
    listed = document.get(name)
    return tuple(listed) if isinstance(listed, list) else usually


def refused(problem: str) -> Invalid:
    """The error for an issuer that answers, though not as it must."""
    return Invalid(
        "issuer_refused", f"The issuer {problem}.", remedy="Check the issuer's URL and HALLMARK_OIDC_ALLOWED_NETWORKS."
    )


def unreachable(problem: str) -> Transient:
    """The error for an issuer that does not answer."""
    return Transient("issuer_unreachable", f"The issuer {problem}.", remedy="Try again in a minute.")
