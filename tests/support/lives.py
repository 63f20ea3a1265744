"""The lives of a service that dies at chosen steps (`tests/faults/countdown.py`), as a test sees them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pymongo import MongoClient

from shared.messaging import binding
from shared.settings import ServiceSettings
from tests.support.system import System


@contextmanager
def told_again_soon() -> Iterator[None]:
    """What the dead had fetched is told again after seconds, not a minute: for consumers that are made meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binding, "ACK_WAIT_SECONDS", 4)
        yield


@dataclass
class Lives:
    """Starts services that die at a step."""

    process: asyncio.subprocess.Process

    async def begin(self, step: int) -> int:
        """The process id of a service that is up."""
        assert self.process.stdin
        self.process.stdin.write(f"{step}\n".encode())
        said, pid = (await self._line()).split()
        assert said == "up"
        return int(pid)

    async def end(self) -> None:
        """Wait for its death."""
        assert await self._line() == f"ended {signal.SIGKILL}"

    async def live(self, step: int, work: Coroutine[Any, Any, object]) -> bool:
        """One life at this work, to its end at that step; whether it outlived the work."""
        pid = await self.begin(step)
        ending, working = asyncio.create_task(self.end()), asyncio.create_task(work)
        await asyncio.wait({ending, working}, return_when=asyncio.FIRST_COMPLETED)
        outlived = not ending.done()
        working.cancel()
        await asyncio.wait({working})
        if outlived:
            os.kill(pid, signal.SIGKILL)
        await ending
        return outlived

    async def _line(self) -> str:
        assert self.process.stdout
        return (await asyncio.wait_for(self.process.stdout.readline(), 60)).decode().strip()


@asynccontextmanager
async def lives_of(system: System, settings: ServiceSettings) -> AsyncIterator[Lives]:
    """Lives of the service that has these settings."""
    given = settings.model_dump(exclude_unset=True).items()
    env = {f"HALLMARK_{name.upper()}": str(value) for name, value in given} | system.servers.env(settings.service)
    with (system.directory / "dying.log").open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"tests.faults.dying_{settings.service}"),
            env={**os.environ, **env},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield Lives(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def end_abandoned_transactions(system: System) -> None:
    """What MongoDB does by itself once a transaction has lived too long, done at once."""
    with MongoClient[dict[str, Any]](system.servers.mongo_root_url) as root:
        root.admin.command("killAllSessions", [])
