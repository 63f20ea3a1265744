"""How long things take, one after the other."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any


async def timed(times: int, work: Callable[[int], Awaitable[Any]]) -> list[float]:
    """Milliseconds of each run, sorted."""
    found = []
    for number in range(times):
        began = time.perf_counter()
        await work(number)
        found.append((time.perf_counter() - began) * 1000)
    return sorted(found)


def share(values: list[float], part: float) -> float:
    """A percentile of sorted values."""
    return round(values[min(int(len(values) * part), len(values) - 1)], 2)
