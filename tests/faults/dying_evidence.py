"""The real evidence service, in processes that kill themselves at a chosen step of what they write.

- `python -m tests.faults.dying_evidence` reads a number per line and forks a service for it, which prints `up <pid>`.
  Everything is imported before the first fork, so a life costs no start of Python. Settings are `HALLMARK_*` variables.
- A step is the moment before or after: a MongoDB command inside a transaction, a mark of the outbox, the file that
  remembers a checkpoint, and each event or receipt that leaves. Steps count from when it is up.
- At the step of that number the process gets SIGKILL, from itself. Afterwards `ended <signal>` is printed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from threading import Lock
from typing import Any

from nats.aio.client import Client
from pymongo import monitoring

from services.evidence.app import SERVICE
from services.evidence.given_out import GivenOut
from services.evidence.settings import EvidenceSettings
from shared.logs import configure_logs
from shared.service import running
from shared.settings import read_settings


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


def _count_messages(countdown: Countdown) -> None:
    publish: Callable[..., Awaitable[None]] = Client.publish

    async def counted(self: Client, subject: str, payload: bytes = b"", *rest: Any, **named: Any) -> None:
        counts = subject.startswith("hallmark.evt.") or b'"evidence_id"' in payload
        if counts:
            countdown.step()
        await publish(self, subject, payload, *rest, **named)
        if counts:
            await self._flush_pending()
            countdown.step()

    Client.publish = counted  # type: ignore[method-assign]


def _count_files(countdown: Countdown) -> None:
    write = GivenOut._write

    def counted(self: GivenOut, *arguments: Any) -> None:
        countdown.step()
        write(self, *arguments)
        countdown.step()

    GivenOut._write = counted  # type: ignore[method-assign]


async def _live(countdown: Countdown) -> None:
    settings = read_settings(EvidenceSettings, service="evidence")
    async with running(SERVICE, settings):
        countdown.arm()
        os.write(1, f"up {os.getpid()}\n".encode())
        await asyncio.Event().wait()


def _fork(step: int) -> None:
    child = os.fork()
    if child == 0:
        configure_logs(service="evidence", instance="dying", level="WARNING", form="text")
        countdown = Countdown(step)
        monitoring.register(countdown)
        _count_messages(countdown)
        _count_files(countdown)
        asyncio.run(_live(countdown))
    _, status = os.waitpid(child, 0)
    os.write(1, f"ended {os.WTERMSIG(status)}\n".encode())


if __name__ == "__main__":
    for line in sys.stdin:
        _fork(int(line))
