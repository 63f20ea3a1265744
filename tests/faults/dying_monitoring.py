"""The real monitoring service, in processes that kill themselves at a chosen step of what they write.

As `dying_evidence.py`, with its countdown: a step is the moment before or after a MongoDB command inside a transaction,
a mark of the outbox, and each fact that leaves. Its clock is ahead, so that deadlines of the present have passed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from nats.aio.client import Client
from pymongo import monitoring

from services.monitoring.app import SERVICE
from shared.clock import utc_now
from shared.logs import configure_logs
from shared.service import running
from shared.settings import ServiceSettings, read_settings
from tests.faults.dying_evidence import Countdown


def count_facts(countdown: Countdown) -> None:
    """Make steps of the moments before and after each fact that leaves."""
    publish: Callable[..., Awaitable[None]] = Client.publish

    async def counted(self: Client, subject: str, payload: bytes = b"", *rest: Any, **named: Any) -> None:
        counts = subject.startswith("hallmark.evt.")
        if counts:
            countdown.step()
        await publish(self, subject, payload, *rest, **named)
        if counts:
            await self._flush_pending()
            countdown.step()

    Client.publish = counted  # type: ignore[method-assign]


def ahead() -> datetime:
    """The present, some weeks from now."""
    return utc_now() + timedelta(days=20)


async def _live(countdown: Countdown) -> None:
    async with running(SERVICE, read_settings(ServiceSettings, service="monitoring"), ahead):
        countdown.arm()
        os.write(1, f"up {os.getpid()}\n".encode())
        await asyncio.Event().wait()


def _fork(step: int) -> None:
    child = os.fork()
    if child == 0:
        configure_logs(service="monitoring", instance="dying", level="WARNING", form="text")
        countdown = Countdown(step)
        monitoring.register(countdown)
        count_facts(countdown)
        asyncio.run(_live(countdown))
    _, status = os.waitpid(child, 0)
    os.write(1, f"ended {os.WTERMSIG(status)}\n".encode())


if __name__ == "__main__":
    for line in sys.stdin:
        _fork(int(line))
