"""Notices that a durable consumer is gone, and picks it up again when it is back.

Without it FastStream's pull loop would spin on a deleted consumer, silently and for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from shared.logs import log

_EVERY_SECONDS = 2.0


def durable_subscribers(broker: NatsBroker) -> list[Any]:
    """The broker's subscribers that are bound to a durable consumer."""
    return [subscriber for subscriber in broker.subscribers if durable_of(subscriber)]


def durable_of(subscriber: Any) -> str | None:
    """The durable consumer's name, None for plain subscriptions."""
    durable: str | None = getattr(subscriber, "extra_options", {}).get("durable")
    return durable


class Watchdog:
    """Keeps the durable subscriptions of one broker alive."""

    def __init__(self, broker: NatsBroker, connection: Callable[[], Client]) -> None:
        self._broker = broker
        self._connection = connection
        self.missing: set[str] = set()
        """Durable consumers that do not exist at the moment: the service is not ready."""

    async def run(self) -> None:
        """Look after them until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            for subscriber in durable_subscribers(self._broker):
                await self._check(subscriber)

    async def wait_until_provisioned(self) -> None:
        """Return when every durable consumer exists, so that starting binds and never declares."""
        while True:
            states = [await self._exists(subscriber) for subscriber in durable_subscribers(self._broker)]
            if all(states):
                return
            log.info("waiting for the provisioner", missing=sorted(self.missing)[:3], count=len(self.missing))
            await asyncio.sleep(0.5)

    async def _check(self, subscriber: Any) -> None:
        name = str(durable_of(subscriber))
        was_missing = name in self.missing
        exists = await self._exists(subscriber)
        if not exists and not was_missing:
            log.error("durable consumer is gone", durable=name)
            await subscriber.stop()
        elif exists and was_missing:
            log.info("durable consumer is back", durable=name)
            await subscriber.start()

    async def _exists(self, subscriber: Any) -> bool:
        name = str(durable_of(subscriber))
        try:
            await self._connection().jetstream().consumer_info(subscriber.stream.name, name)
        except NotFoundError:
            self.missing.add(name)
            return False
        except (NatsError, TimeoutError, OSError):
            return name not in self.missing  # Not known: the connection's trouble is noticed elsewhere.
        self.missing.discard(name)
        return True
