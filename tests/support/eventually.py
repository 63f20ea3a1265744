"""Waiting for something that will become true, as long as it takes within reason: no sleeps as timing, no races."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(read: Callable[[], Awaitable[T]], until: Callable[[T], object] = bool, within: float = 60.0) -> T:
    """The first value for which `until` holds. Raises AssertionError with the last one seen."""
    give_up = time.monotonic() + within
    while True:
        value = await read()
        if until(value):
            return value
        if time.monotonic() > give_up:
            raise AssertionError(f"not within {within} s; last seen: {value!r}")
        await asyncio.sleep(0.02)
