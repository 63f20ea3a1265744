"""The connection to NATS, with FastStream's and nats-py's sharp edges taken off.

- Reconnecting never ends: after nats-py gives up, FastStream's pull loop would spin and freeze the event loop.
- An error hands the message back: FastStream's default terminates it, which loses it.
- Per-message INFO logs are off: they cost a third of the throughput.
- FastStream injects nothing: it would resolve the message itself in a thread, once for each message.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from faststream import AckPolicy
from faststream.nats import NatsBroker
from faststream.security import SASLPlaintext

from shared.logs import log
from shared.settings import ServiceSettings


async def _on_error(error: Exception) -> None:
    log.warning("nats connection", problem=str(error) or type(error).__name__)


async def _on_disconnect() -> None:
    log.warning("nats disconnected")


async def _on_reconnect() -> None:
    log.info("nats reconnected")


def make_broker(settings: ServiceSettings, middlewares: Sequence[Any] = ()) -> NatsBroker:
    """A broker that is not connected yet."""
    options: dict[str, Any] = {}
    if settings.nats_user and settings.nats_password:
        options["security"] = SASLPlaintext(
            username=settings.nats_user, password=settings.nats_password.get_secret_value()
        )
    return NatsBroker(
        settings.nats_url.split(","),
        name=f"hallmark-{settings.service}-{settings.instance}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=20,
        graceful_timeout=20,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        error_cb=_on_error,
        disconnected_cb=_on_disconnect,
        reconnected_cb=_on_reconnect,
        inbox_prefix=settings.inbox_prefix,
        logger=logging.getLogger("faststream"),
        log_level=logging.DEBUG,
        apply_types=False,
        middlewares=middlewares,
        **options,
    )
