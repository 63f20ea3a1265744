"""What the gateway reads at start, beside what every service reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from services.gateway.oidc_settings import OidcSettings
from shared.settings import ServiceSettings

MIB = 1024 * 1024


class GatewaySettings(ServiceSettings, OidcSettings):
    """Settings of one gateway process. `identity_key` must be the key of the issuer `gateway`."""

    service: str = "gateway"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    admin_token: SecretStr | None = None
    """Bootstrap: whoever brings it is the actor `admin`, with the role admin everywhere. Absent: nobody is."""
    evidence_urls: str = ""
    """Internal HTTP addresses of evidence instances, separated by commas, for contents too large for messages."""
    max_body: Annotated[int, Field(ge=1024)] = MIB
    """Bytes that a JSON request body may have."""
    max_evidence_bytes: Annotated[int, Field(ge=1024)] = 64 * MIB
    """Bytes that one envelope may have."""
    max_batch_bytes: Annotated[int, Field(ge=MIB)] = 1024 * MIB
    """The largest body of evidence in bulk."""
    max_bundle_bytes: Annotated[int, Field(ge=MIB)] = 256 * MIB
    """Bytes that the files of one bundle may have together."""
    max_streams: Annotated[int, Field(ge=1)] = 200
    """Live event streams that one process serves at the same time."""
    ask_deadline: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Seconds to wait for the service that decides."""

    @property
    def evidence_addresses(self) -> tuple[str, ...]:
        """The addresses in `evidence_urls`, without trailing slashes."""
        return tuple(url.strip().rstrip("/") for url in self.evidence_urls.split(",") if url.strip())
