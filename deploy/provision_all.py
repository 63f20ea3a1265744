"""Provisions streams and consumers for the whole system, then ends: before the services start, and at every upgrade.

Reads `HALLMARK_NATS_URL`, `HALLMARK_NATS_USER` and `HALLMARK_NATS_PASSWORD`, from variables or secret files. Raises
nats-py's errors when the server cannot be reached or refuses, and pydantic's `ValidationError` for wrong variables.
"""

from __future__ import annotations

import asyncio

from deploy.provision import provision_at
from deploy.rights import PROVISION
from deploy.system import ALL
from shared.settings import ServiceSettings, read_settings


async def provision_all(settings: ServiceSettings) -> int:
    """Make or mend everything; how many objects were looked at."""
    password = settings.nats_password.get_secret_value() if settings.nats_password else None
    return await provision_at(settings.nats_url, ALL, user=settings.nats_user, password=password)


if __name__ == "__main__":
    count = asyncio.run(provision_all(read_settings(service=PROVISION)))
    print(f"{count} streams and consumers are as they should be")
