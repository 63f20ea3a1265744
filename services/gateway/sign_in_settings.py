"""How people sign in to the console, as its operator says it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from contracts.vocabulary import ProjectName, Role
from shared.oidc.issuer import Issuer, require_https

MappedGrants = dict[ProjectName | Literal["*"], Annotated[frozenset[Role], Field(min_length=1)]]


class SignInSettings(BaseModel):
    """Settings about people. Without an issuer people sign in with access tokens and one-time links only."""

    public_url: str = ""
    """Where browsers find this gateway, such as `https://hallmark.example.com`: needed behind proxies and for issuers.

    Facts name their pages then. Cookies are marked as secure when it is https.
    """
    trusted_proxies: str = ""
    """Addresses or networks of proxies whose `X-Forwarded-For` is believed, separated by commas; absent: nobody's."""
    sign_in_issuer: str = ""
    """An OpenID provider that people sign in with; equals the claim `iss` of its ID tokens."""
    sign_in_client_id: str = ""
    """Under which this Hallmark is registered there."""
    sign_in_client_secret: SecretStr | None = None
    """Absent: a public client, which PKCE alone protects."""
    sign_in_scopes: str = "openid profile email"
    sign_in_algorithm: str = "RS256"
    """The one algorithm that the issuer signs ID tokens with."""
    sign_in_name: str = ""
    """What the button says: `Sign in with ...`; absent: the issuer's host."""
    sign_in_contact: str = ""
    """Whom people without any role should ask; absent: an administrator."""
    sign_in_groups_claim: str = "groups"
    """Where ID tokens say in which groups somebody is: a list of texts."""
    sign_in_group_grants: Annotated[dict[str, MappedGrants], Field(max_length=500)] = {}
    """Roles that a group brings, as JSON: `{"release-managers": {"shop": ["release_manager"]}}`."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.public_url:
            _require_origin(self.public_url)
        if self.sign_in_issuer:
            Issuer(self.sign_in_issuer, self.sign_in_client_id, self.sign_in_algorithm)
            if not self.public_url:
                raise ValueError("HALLMARK_SIGN_IN_ISSUER needs HALLMARK_PUBLIC_URL, to which people are sent back")
            if "openid" not in self.sign_in_scopes.split():
                raise ValueError("HALLMARK_SIGN_IN_SCOPES must name openid")
        return self

    @property
    def believed_for_people(self) -> Issuer | None:
        """The issuer whose ID tokens sign people in."""
        if not self.sign_in_issuer:
            return None
        return Issuer(self.sign_in_issuer, self.sign_in_client_id, self.sign_in_algorithm)

    @property
    def redirect_uri(self) -> str:
        """Where the issuer sends people back to: what must be registered there, letter by letter."""
        return f"{self.public_url}/sign-in/callback"


def _require_origin(url: str) -> None:
    """Raises `ValueError` unless this is an origin and nothing more."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https") or url != url.lower() or "/" in rest:
        raise ValueError("HALLMARK_PUBLIC_URL is an origin such as https://hallmark.example.com, without a path")
    try:
        require_https(f"https://{rest}")
    except ValueError as error:
        raise ValueError(f"HALLMARK_PUBLIC_URL: {error}") from error
