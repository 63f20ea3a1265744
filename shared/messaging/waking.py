"""Instances of one service wake each other: something was committed that another one's duty may wait for.

Over core NATS, so a wake can be lost: whoever waits looks by itself as well, once in a while.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError


def wake_subject(service: str) -> str:
    """Where instances of a service tell each other that there is something to do. Losing one costs a second."""
    return f"hallmark.wake.{service}"


async def wake(connection: Client, service: str) -> None:
    """Wake the other instances. What was committed stays committed, should they not hear it."""
    with suppress(NatsError, OSError):
        await connection.publish(wake_subject(service))


@asynccontextmanager
async def heard_wakes(connection: Client, service: str, woken: Callable[[], None]) -> AsyncIterator[None]:
    """Call `woken` for every wake, this instance's own included, until the end of the block."""

    async def heard(_: Msg) -> None:
        woken()

    subscription = await connection.subscribe(wake_subject(service), cb=heard)
    try:
        yield
    finally:
        with suppress(NatsError, OSError):
            await subscription.unsubscribe()
