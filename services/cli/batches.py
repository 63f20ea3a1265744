"""Sending many batches: a few at a time, in whatever order they are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

AT_ONCE = 4
"""Batches under way at the same time."""


def answers(send: Callable[[Any], Any], batches: Iterable[Any]) -> Iterator[Any]:
    """The answer to each batch, in whatever order they come; never more than a few batches are held in memory."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        under_way: set[Future[Any]] = set()
        try:
            for batch in batches:
                under_way.add(pool.submit(send, batch))
                if len(under_way) > AT_ONCE:
                    done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in done)
            yield from (one.result() for one in under_way)
        finally:
            for one in under_way:
                one.cancel()
