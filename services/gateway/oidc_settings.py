"""Whose ID tokens the gateway believes, as its operator says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.oidc.addresses import Network, read_networks
from shared.oidc.issuer import Issuer


class OidcIssuer(BaseModel):
    """One issuer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    """Equals the claim `iss` of its tokens."""
    audience: str | None = None
    """What its tokens must be for; absent: `HALLMARK_OIDC_AUDIENCE`."""
    algorithm: str = "RS256"
    jwks_url: str | None = None
    """Where its keys are; found by discovery when absent."""

    @model_validator(mode="after")
    def _sound(self) -> OidcIssuer:
        Issuer(self.url, self.audience or "any", self.algorithm, self.jwks_url)
        return self


PUBLIC_ISSUERS = (
    OidcIssuer(url="https://token.actions.githubusercontent.com"),
    OidcIssuer(url="https://gitlab.com"),
)


class OidcSettings(BaseModel):
    """Settings about ID tokens. Without an audience no token is for this installation, and none is believed."""

    oidc_audience: str = ""
    """What ID tokens must be for, such as this gateway's public URL: they open no other installation then."""
    oidc_issuers: Annotated[tuple[OidcIssuer, ...], Field(max_length=100)] = PUBLIC_ISSUERS
    """As JSON: `[{"url": "https://gitlab.example.com"}]`."""
    oidc_allowed_networks: str = ""
    """Networks that issuers may be in although they are not public, as `10.1.0.0/16`, separated by commas."""
    oidc_ca_file: Path | None = None
    """Certificates (PEM) that issuers' servers are believed by, in place of the public ones."""

    @model_validator(mode="after")
    def _readable(self) -> OidcSettings:
        if len({one.url for one in self.oidc_issuers}) < len(self.oidc_issuers):
            raise ValueError("an issuer is named twice")
        self.oidc_networks  # noqa: B018 - raises for what is no network
        return self

    @property
    def oidc_networks(self) -> tuple[Network, ...]:
        """The networks in `oidc_allowed_networks`. Raises `ValueError`."""
        return read_networks(self.oidc_allowed_networks)

    @property
    def believed_issuers(self) -> tuple[Issuer, ...]:
        """The issuers with an audience."""
        audiences = [(one, one.audience or self.oidc_audience) for one in self.oidc_issuers]
        return tuple(Issuer(one.url, audience, one.algorithm, one.jwks_url) for one, audience in audiences if audience)
