"""A second gateway beside those of a stack, whose people sign in at a provider."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings
from tests.integration.gateway_door import serving as serving_app
from tests.support.oidc import serving
from tests.support.provider import Provider

PREFIX = "HALLMARK_"


@dataclass
class IssuerConsole:
    """Where it is, and who signs people in."""

    url: str
    provider: Provider


@contextlib.asynccontextmanager
async def an_issuer_console(env: dict[str, str], directory: Path, **more: Any) -> AsyncIterator[IssuerConsole]:
    """On the servers of the gateway that got `env`, and on its database."""
    provider = Provider()
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    known = {name.removeprefix(PREFIX).lower(): value for name, value in env.items() if name.startswith(PREFIX)}
    async with serving(provider, directory) as certificate:
        settings = GatewaySettings.model_validate(
            {**known, **provider.settings(certificate), "public_url": url, "instance": "gateway-issuer", **more}
        )
        async with serving_app(create_app(settings), listening):
            yield IssuerConsole(url, provider)
