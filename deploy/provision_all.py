"""Provisions streams and consumers for the whole system, then ends: before the services start, and at every upgrade.

Reads `HALLMARK_NATS_URL`, `HALLMARK_NATS_USER`, `HALLMARK_NATS_PASSWORD` and `HALLMARK_STREAM_REPLICAS`, from variables
or secret files. Raises nats-py's errors when the server cannot be reached or refuses, and pydantic's `ValidationError`
for wrong variables.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field

from deploy.provision import provision_at
from deploy.rights import PROVISION
from deploy.system import ALL
from shared.settings import ServiceSettings, read_settings


class ProvisionSettings(ServiceSettings):
    """Settings of the provisioner."""

    stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """On how many NATS servers each message is kept: three where three or more are clustered."""


async def provision_all(settings: ServiceSettings) -> int:
    """Make or mend everything; how many objects were looked at."""
    password = settings.nats_password.get_secret_value() if settings.nats_password else None
    replicas = settings.stream_replicas if isinstance(settings, ProvisionSettings) else 1
    return await provision_at(settings.nats_url, ALL, user=settings.nats_user, password=password, replicas=replicas)


if __name__ == "__main__":
    count = asyncio.run(provision_all(read_settings(ProvisionSettings, service=PROVISION)))
    print(f"{count} streams and consumers are as they should be")
