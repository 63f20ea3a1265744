"""A duty that handles what waits in a group: one transaction for all of it, so that a burst costs few commits.

For facts whose handlers only keep and count: each stays a paragraph of its own, and is called in the order of arrival.
What spoils a transaction is looked for one by one, so that it spoils only itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from contracts.message import Answer
from shared.errors import HallmarkError, Transient
from shared.logs import log
from shared.messaging.dispatcher import Dispatcher, Turn
from shared.messaging.grouping import Joined

W = TypeVar("W")
_AT_ONCE = 64
"""Each is a handler's several questions: one transaction must end in a fraction of a second."""


async def work_off(dispatcher: Dispatcher[W], group: str) -> None:
    """Handle whatever waits in the group, for ever."""
    waiting = dispatcher.groups[group]
    while True:
        dispatcher.committed.clear()
        if batch := waiting.take(_AT_ONCE):
            await _commit(dispatcher, batch)
        else:
            await dispatcher.committed.wait()


async def _commit(dispatcher: Dispatcher[W], batch: list[Joined]) -> None:
    async def work(turns: Sequence[Turn], _: W) -> list[Answer | HallmarkError | None]:
        for turn in turns:
            heard = dispatcher.handlers.heard[type(turn.joined.message)]
            if heard.handle is None:
                raise TypeError(f"{type(turn.joined.message).__name__} has no handler")
            await heard.handle(turn.joined.message, dispatcher.handlers.work(turn.unit))
        return [None for _ in turns]

    try:
        for joined, outcome in await dispatcher.perform_together(batch, work):
            joined.settle(outcome)
    except Exception as error:  # noqa: BLE001 - whoever waits gets it, and the duty goes on
        is_away = isinstance(error, Transient) and error.code == "database_unavailable"
        if len(batch) == 1 or is_away:
            for joined in batch:
                joined.settle(error)
            return
        log.warning("a batch is committed one by one", size=len(batch), exc_info=error)
        for joined in batch:
            await _commit(dispatcher, [joined])
