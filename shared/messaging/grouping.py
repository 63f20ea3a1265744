"""Messages that share one transaction: group commit.

A commit costs the same for one message as for two hundred, so those that arrive while a commit is under way wait for
the next one together. Each still counts for itself: it has its own inbox row, its own outbox ids, its own reply, and
what is wrong with one of them never touches the others.

Whoever does the work takes the waiting messages from the group, in a duty of the service: `working_off.py`, or one of
its own as the evidence service's sequencer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from contracts.headers import Meta
from contracts.message import Message
from shared.errors import Busy
from shared.identity import Caller

Outcome = dict[str, Any] | Exception | None
"""What a message comes to: the reply to an ask, what is wrong with it, or nothing for what expects no reply."""
MOST_WAITING = 512
"""Messages that may wait in one process: about what it handles in a second."""


@dataclass(eq=False)
class Joined:
    """One message on its way through a group."""

    message: Message
    meta: Meta
    key: str
    """The inbox key: of two messages with the same one, the second is a repeat."""
    request: str
    caller: Caller | None
    prepared: Any
    outcome: asyncio.Future[dict[str, Any] | None] = field(default_factory=asyncio.Future)

    def settle(self, outcome: Outcome) -> None:
        """Let whoever waits go on; whoever gave up waiting does not mind."""
        if self.outcome.done():
            return
        if isinstance(outcome, Exception):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)


class Group:
    """Messages that wait for the next commit, in the order in which they came."""

    def __init__(self, arrived: asyncio.Event) -> None:
        self._waiting: deque[Joined] = deque()
        self._arrived = arrived
        self.refusing: Busy | None = None
        """Set while nothing more should be taken in, by whoever sees that it could not be passed on."""

    def __len__(self) -> int:
        return len(self._waiting)

    async def join(self, joined: Joined) -> dict[str, Any] | None:
        """Wait for this message's own outcome. Raises it, or `Busy` when too much is under way."""
        if self.refusing:
            raise self.refusing
        if len(self._waiting) >= MOST_WAITING:
            raise Busy("intake_full", f"{len(self._waiting)} messages wait to be committed.", retry_after=1.0)
        self._waiting.append(joined)
        self._arrived.set()
        return await joined.outcome

    def take(self, most: int) -> list[Joined]:
        """The next messages, at most that many, no two of them with the same key."""
        taken: dict[str, Joined] = {}
        later: list[Joined] = []
        while self._waiting and len(taken) < most:
            joined = self._waiting.popleft()
            if joined.outcome.done():
                continue  # Whoever waited has gone.
            if joined.key in taken:
                later.append(joined)
            else:
                taken[joined.key] = joined
        self._waiting.extendleft(reversed(later))
        return list(taken.values())

    def put_back(self, joined: list[Joined]) -> None:
        """Have these be the next again: their commit did not come about."""
        self._waiting.extendleft(reversed(joined))
