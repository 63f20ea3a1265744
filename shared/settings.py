"""What every service reads at start: `HALLMARK_*` variables over secret files over defaults.

Secrets may come as files in the folder that `HALLMARK_SECRETS_DIR` names, one file per setting
(`hallmark_nats_password`), as Docker and Kubernetes mount them.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Settings of one service process."""

    model_config = SettingsConfigDict(env_prefix="HALLMARK_", extra="ignore", frozen=True)

    service: str
    """Name of the service: registry, evidence, gate, promotion, monitoring or gateway."""
    instance: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    """Tells instances of one service apart, in leases and logs."""
    nats_url: str = "nats://127.0.0.1:4222"
    """One or more NATS servers, separated by commas."""
    nats_user: str | None = None
    nats_password: SecretStr | None = None
    mongo_url: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?replicaSet=hallmark")
    """A replica set: Hallmark needs transactions."""
    mongo_database: str = ""
    """Empty: `hallmark_<service>`."""
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where health, metrics and, for the gateway, the API are served. 0: any free port."""
    issuers_dir: Path = Path(".hallmark/issuers")
    """Folder with one `<issuer>.pem` per service whose tokens are believed."""
    identity_key: Path | None = None
    """This service's own private key (PEM, PKCS 8), to prove who it is when it asks others."""
    log_level: str = "INFO"
    log_format: str = "json"
    """`json` for programs, `text` for people."""
    otel_endpoint: str | None = None
    """Where OpenTelemetry spans go (OTLP over HTTP); none are made when absent."""

    @property
    def inbox_prefix(self) -> str:
        """Where replies to this process arrive: each NATS user has inboxes of its own, which nobody else can read."""
        return f"_INBOX_{self.nats_user}" if self.nats_user else "_INBOX"

    @property
    def database(self) -> str:
        """The one database this service owns."""
        return self.mongo_database or f"hallmark_{self.service}"


def read_settings(kind: type[ServiceSettings] = ServiceSettings, **values: Any) -> ServiceSettings:
    """The settings in force. Raises pydantic's `ValidationError`, which names each wrong variable."""
    secrets = os.environ.get("HALLMARK_SECRETS_DIR")
    return kind(_secrets_dir=secrets, **values) if secrets else kind(**values)
