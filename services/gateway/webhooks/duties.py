"""What a gateway does for webhooks as long as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client

from services.gateway.settings import GatewaySettings
from services.gateway.webhooks.changing import SERVICE, Changes
from services.gateway.webhooks.collecting import Collector
from services.gateway.webhooks.posting import Postman
from services.gateway.webhooks.sealing import Sealer
from services.gateway.webhooks.transport import Courier, PinnedTransport, look_up, trusted_authorities
from shared.clock import Clock
from shared.errors import Transient
from shared.logs import log
from shared.messaging.relay import Relay
from shared.mongo import Database

_FLUSH_SECONDS = 2.0


@dataclass(frozen=True)
class Webhooks:
    """What requests about webhooks need."""

    changes: Changes
    postman: Postman
    sealer: Sealer


@asynccontextmanager
async def webhook_duties(
    settings: GatewaySettings, database: Database, connection: Client, key: Ed25519PrivateKey, clock: Clock
) -> AsyncIterator[Webhooks]:
    """Collect, send and announce until the end of the block. Raises `OSError` for a bad file of authorities."""
    transport = PinnedTransport(settings.webhook_rules, look_up, trusted_authorities(settings.webhook_ca_file))
    courier = Courier(transport, settings.webhook_seconds)
    relay = Relay(database, lambda: connection, service=SERVICE, owner=settings.instance, clock=clock)
    changes, sealer = Changes(database, relay), Sealer(key)
    postman = Postman(database, settings, courier=courier, sealer=sealer, changes=changes, clock=clock)
    collector = Collector(database, connection, settings.instance, clock, postman.woken)
    duties = {"relay": relay.run, "webhooks": collector.run, "deliveries": postman.run}
    tasks = [asyncio.create_task(_forever(name, duty)) for name, duty in duties.items()]
    try:
        yield Webhooks(changes, postman, sealer)
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(relay.idle.wait(), _FLUSH_SECONDS)
        while left := [task for task in tasks if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=1.0)
        with suppress(Transient):
            await relay.stop()
        await courier.close()


async def _forever(name: str, duty: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await duty()
        except Transient as error:
            log.warning("duty waits", duty=name, problem=error.message)
        except Exception as error:  # noqa: BLE001 - a duty must outlive whatever goes wrong once
            log.error("duty failed and starts again", duty=name, exc_info=error)
        await asyncio.sleep(1.0)
