"""A real service, in processes that kill themselves at a chosen step of what they write.

- `python -m tests.faults.dying_<service>` reads a number per line and forks a service for it, which prints `up <pid>`.
  Everything is imported before the first fork, so a life costs no start of Python. Settings are `HALLMARK_*` variables.
- A step is the moment before or after: a MongoDB command inside a transaction, a mark of the outbox, and each message
  that the service counts. Steps count from when it is up.
- At the step of that number the process gets SIGKILL, from itself. Afterwards `ended <signal>` is printed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from threading import Lock
from typing import Any

from nats.aio.client import Client
from pymongo import monitoring

from shared.logs import configure_logs


class Countdown(monitoring.CommandListener):
    """Counts the steps of this process, and ends it at the chosen one."""

    def __init__(self, left: int) -> None:
        self._left = left
        self._armed = False
        self._lock = Lock()
        self._counted: set[int] = set()

    def arm(self) -> None:
        self._armed = True

    def step(self) -> None:
        with self._lock:
            if self._armed:
                self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command.get("autocommit") is False or event.command.get("update") == "outbox":
            self._counted.add(event.request_id)
            self.step()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self._ended(event.request_id)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._ended(event.request_id)

    def _ended(self, request: int) -> None:
        if request in self._counted:
            self._counted.discard(request)
            self.step()


def count_messages(countdown: Countdown, counts: Callable[[str, bytes], bool]) -> None:
    """Have the messages counted that leave under a subject and with a payload of which `counts` says so."""
    publish: Callable[..., Awaitable[None]] = Client.publish

    async def counted(self: Client, subject: str, payload: bytes = b"", *rest: Any, **named: Any) -> None:
        if not counts(subject, payload):
            await publish(self, subject, payload, *rest, **named)
            return
        countdown.step()
        await publish(self, subject, payload, *rest, **named)
        await self._flush_pending()
        countdown.step()

    Client.publish = counted  # type: ignore[method-assign]


def count_facts(countdown: Countdown) -> None:
    """Have the facts counted that leave."""
    count_messages(countdown, lambda subject, _: subject.startswith("hallmark.evt."))


def live_and_die(
    name: str, service: Callable[[], AbstractAsyncContextManager[Any]], count: Callable[[Countdown], None]
) -> None:
    """One life for each number that is read; `count` says what is counted beside what is written to MongoDB."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            configure_logs(service=name, instance="dying", level="WARNING", form="text")
            countdown = Countdown(int(line))
            monitoring.register(countdown)
            count(countdown)
            asyncio.run(_live(service, countdown))
        _, status = os.waitpid(child, 0)
        os.write(1, f"ended {os.WTERMSIG(status)}\n".encode())


async def _live(service: Callable[[], AbstractAsyncContextManager[Any]], countdown: Countdown) -> None:
    async with service():
        countdown.arm()
        os.write(1, f"up {os.getpid()}\n".encode())
        await asyncio.Event().wait()
