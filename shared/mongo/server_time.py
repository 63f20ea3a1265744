"""The time of the database server, which all processes of an installation share.

- It is asked several times; the answer that took the shortest counts, as of the middle of that while.
- A machine that differs by less than what can be measured keeps its own time: so it is not pushed to and fro.
- While the server does not answer, the last measurement goes on to hold.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from shared.clock import share_present
from shared.errors import Transient
from shared.logs import log
from shared.mongo.client import Database
from shared.mongo.errors import translated

EVERY_SECONDS = 10.0
_QUESTIONS = 3
_UNNOTICED_SECONDS = 0.25
_WORTH_A_WARNING_SECONDS = 2.0


async def share_server_time(database: Database) -> float:
    """Have this process live in the server's time; by how many seconds its own clock is behind it.

    Raises `Transient` when MongoDB is away.
    """
    answers = [await _asked(database) for _ in range(_QUESTIONS)]
    took, at, monotonic = min(answers, key=lambda answer: answer[0])
    here = datetime.now(UTC) - timedelta(seconds=time.monotonic() - monotonic)
    behind = (at - here).total_seconds()
    trusted = abs(behind) <= max(_UNNOTICED_SECONDS, took)
    share_present(here if trusted else at, monotonic)
    return 0.0 if trusted else behind


async def _asked(database: Database) -> tuple[float, datetime, float]:
    """How long the answer took, what it said, and what the monotonic clock showed in the middle."""
    began = time.monotonic()
    with translated():
        answer = await database.handle.command("hello")
    took = time.monotonic() - began
    return took, answer["localTime"].replace(tzinfo=UTC), began + took / 2


async def keep_sharing_server_time(database: Database) -> None:
    """Measure again and again, until cancelled."""
    while True:
        try:
            behind = await share_server_time(database)
        except Transient as error:
            log.info("the server's time is not known", problem=error.message)
        else:
            if abs(behind) > _WORTH_A_WARNING_SECONDS:
                log.warning("this machine's clock is wrong; the database server's counts", seconds_behind=behind)
        await asyncio.sleep(EVERY_SECONDS)
