"""The real gate, in processes that kill themselves at a chosen step of what they write: as `dying_monitoring.py`."""

from __future__ import annotations

import asyncio
import os
import sys

from pymongo import monitoring

from services.gate.app import SERVICE
from shared.logs import configure_logs
from shared.service import running
from shared.settings import ServiceSettings, read_settings
from tests.faults.dying_evidence import Countdown
from tests.faults.dying_monitoring import count_facts


async def _live(countdown: Countdown) -> None:
    async with running(SERVICE, read_settings(ServiceSettings, service="gate")):
        countdown.arm()
        os.write(1, f"up {os.getpid()}\n".encode())
        await asyncio.Event().wait()


def _fork(step: int) -> None:
    child = os.fork()
    if child == 0:
        configure_logs(service="gate", instance="dying", level="WARNING", form="text")
        countdown = Countdown(step)
        monitoring.register(countdown)
        count_facts(countdown)
        asyncio.run(_live(countdown))
    _, status = os.waitpid(child, 0)
    os.write(1, f"ended {os.WTERMSIG(status)}\n".encode())


if __name__ == "__main__":
    for line in sys.stdin:
        _fork(int(line))
