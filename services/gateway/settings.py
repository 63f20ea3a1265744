"""What the gateway reads at start, beside what every service reads."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from services.gateway.oidc_settings import OidcSettings
from services.gateway.sign_in_settings import SignInSettings
from services.gateway.webhooks.delivery import Patience
from services.gateway.webhooks.destinations import Rules
from shared.oidc.addresses import read_networks
from shared.settings import ServiceSettings

MIB = 1024 * 1024


class GatewaySettings(ServiceSettings, OidcSettings, SignInSettings):
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

    webhook_networks: str = ""
    """Networks that are not public and may be sent to, separated by commas, such as `10.1.0.0/16`."""
    webhook_http_hosts: str = ""
    """Hosts that may be sent to without TLS, separated by commas."""
    webhook_ports: Annotated[str, Field(pattern=r"^(any|\d{1,5}(,\d{1,5})*)$")] = "443,8443"
    """Ports that may be sent to, separated by commas; `any` allows all."""
    webhook_ca_file: Path | None = None
    """Whose certificates are believed (PEM); absent: the usual authorities."""
    webhook_seconds: Annotated[float, Field(gt=0, le=30)] = 10.0
    """For one attempt, from the look-up of the name to the end of the answer."""
    webhook_concurrency: Annotated[int, Field(ge=1, le=32)] = 4
    """Attempts at the same time for one webhook; one that fails gets one."""
    webhook_first_wait: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Seconds until the second attempt; every further wait is twice as long, up to six hours."""
    webhook_tries: Annotated[int, Field(ge=1, le=50)] = 15
    """Attempts until a delivery is dead: with the usual first wait within about a day."""
    webhook_disabled_after: Annotated[float, Field(gt=0)] = 72.0
    """Hours without one success after which a webhook is disabled."""
    max_webhooks: Annotated[int, Field(ge=1)] = 50
    """Webhooks that a project may have."""

    @model_validator(mode="after")
    def _networks_are_networks(self) -> Self:
        read_networks(self.webhook_networks)
        return self

    @property
    def webhook_rules(self) -> Rules:
        """Where webhooks may go."""
        hosts = frozenset(one.strip().lower() for one in self.webhook_http_hosts.split(",") if one.strip())
        ports = None if self.webhook_ports == "any" else frozenset(map(int, self.webhook_ports.split(",")))
        return Rules(read_networks(self.webhook_networks), hosts, ports)

    @property
    def webhook_patience(self) -> Patience:
        """How often deliveries are tried."""
        return Patience(timedelta(seconds=self.webhook_first_wait), self.webhook_tries)

    @property
    def evidence_addresses(self) -> tuple[str, ...]:
        """The addresses in `evidence_urls`, without trailing slashes."""
        return tuple(url.strip().rstrip("/") for url in self.evidence_urls.split(",") if url.strip())
