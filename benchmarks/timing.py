"""How long things take: one after the other, and many at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any


async def timed(times: int, work: Callable[[int], Awaitable[Any]]) -> list[float]:
    """Milliseconds of each run, sorted."""
    found = []
    for number in range(times):
        began = time.perf_counter()
        await work(number)
        found.append((time.perf_counter() - began) * 1000)
    return sorted(found)


async def crowded(at_once: int, rounds: int, work: Callable[[int, int], Awaitable[Any]]) -> dict[str, float]:
    """What so many workers see, each of which does `work(worker, round)` one after the other; and per second."""
    began = time.perf_counter()
    each = await asyncio.gather(*(timed(rounds, partial(work, worker)) for worker in range(at_once)))
    took = time.perf_counter() - began
    found = sorted(one for worker in each for one in worker)
    return {"p50_ms": share(found, 0.5), "p99_ms": share(found, 0.99), "per_s": round(len(found) / took, 1)}


def share(values: list[float], part: float) -> float:
    """A percentile of sorted values."""
    return round(values[min(int(len(values) * part), len(values) - 1)], 2)
