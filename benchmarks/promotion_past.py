"""A past of many promotions: what one really left behind, in every collection of every service, kept once for each.

So the past has the shape that the services themselves write, whatever that is; `benchmarks/copies.py` says how copies
differ. Inbox and outbox are copied as well: rows of a year of messages are what a running system has, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pymongo import MongoClient

from benchmarks.copies import APPLICATION, Steps, Wanted, everything, multiply, queue_entries, wait_for_log
from benchmarks.promotion_scene import Scene

_NAME, _VERSION = "past-1000", "1.1000000.0"
_KIND = "completed"
_APPLICATIONS = 100
_APART = timedelta(seconds=7)
_NOT_COPIED = frozenset({"leases", "dead_letters"})


async def make_past(scene: Scene, client: MongoClient[Any], many: int, show: Callable[[str], None]) -> dict[str, int]:
    """Have as many promotions been as `many`; how many documents each collection has then got."""
    steps = Steps({APPLICATION: _NAME.encode(), _KIND: _VERSION.encode()})

    async def note(step: str) -> None:
        await scene.quiet()
        steps.note(step, await asyncio.to_thread(everything, client, _NOT_COPIED))

    await note("")
    await scene.application(_NAME)
    await note(APPLICATION)
    await scene.version(_NAME, _VERSION)
    await scene.promote(_NAME, _VERSION)
    await note(_KIND)
    applications = min(_APPLICATIONS, many)
    # The template itself is one of them; entries of the log are as many as the copies have.
    wanted = Wanted(applications, {_KIND: many // applications}, logged=many * 20, apart=_APART)
    made = await asyncio.to_thread(multiply, client, steps, wanted, show)
    made["evidence.log_entries"] = await asyncio.to_thread(queue_entries, client, steps, wanted)
    await asyncio.to_thread(wait_for_log, client, show)
    await scene.quiet()
    return made
