"""Kills processes of a stack at random, one after the other, as a seed says."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from deploy.local.nodes import is_server
from deploy.local.stack import Stack
from tests.support.handled import handled

_ORDERLY = 0.2
"""Of all kills, so many are SIGTERM; the others are SIGKILL."""
_LOOK_SECONDS = 0.1


@dataclass
class Killer:
    """Kills one process whenever `progress` has grown by about `every`."""

    stack: Stack
    every: int
    seed: int
    progress: Callable[[], int]
    note: Callable[..., None]
    kills: Counter[str] = field(default_factory=Counter)
    """By process."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """What became of the messages that the killed processes had handled."""

    async def run(self) -> None:
        """Kill until cancelled."""
        drawn = random.Random(f"kills {self.seed}")  # noqa: S311 - repeatable, not secret
        names = sorted(status.name for status in self.stack.statuses())
        at = self.progress()
        while True:
            at += drawn.randint(self.every // 2 + 1, self.every + self.every // 2)
            name = drawn.choice(names)
            number = signal.SIGTERM if drawn.random() < _ORDERLY else signal.SIGKILL
            while self.progress() < at:  # noqa: ASYNC110 - the progress is somebody else's number
                await asyncio.sleep(_LOOK_SECONDS)
            await self._kill(name, number)

    async def _kill(self, name: str, number: signal.Signals) -> None:
        if not is_server(name):
            with suppress(httpx.HTTPError, ValueError):  # It was killed a moment ago: then there is nothing to count.
                self.outcomes += await handled(self.stack.urls[name])
        self.note(what="kill", process=name, signal=number.name)
        self.kills[name] += 1
        await self.stack.kill(name, number)
