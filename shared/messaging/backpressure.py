"""A service takes no more commands while it cannot tell anybody what it has done already.

- It is measured by the outbox: how long its oldest message has waited, and whether there are too many.
- Only commands are held off: their askers get `outbox_behind` with a time to wait, which HTTP calls 429. What comes by
  stream waits there, and has its own bounds.
- Measured at most once a second, so that a burst costs no more than a calm.
"""

from __future__ import annotations

import time

from shared.clock import utc_now
from shared.errors import Busy, Transient
from shared.messaging import outbox
from shared.mongo import Database

MOST_BEHIND_SECONDS = 30.0
MOST_WAITING = 20_000
"""Messages in the outbox of one service."""
MEASURED_EVERY_SECONDS = 1.0
_RETRY_AFTER = 5.0


class Backpressure:
    """What one process knows of how far its service is behind."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._measured_at = -MEASURED_EVERY_SECONDS
        self._refusal: Busy | None = None

    async def admit(self) -> None:
        """Pass while there is room. Raises `Busy`."""
        now = time.monotonic()
        if now - self._measured_at >= MEASURED_EVERY_SECONDS:
            self._measured_at = now
            self._refusal = await self._measured()
        if self._refusal:
            raise self._refusal

    async def _measured(self) -> Busy | None:
        try:
            # Rows are ordered by the database server's time, so that no other clock says how old they are.
            behind = await outbox.unpublished_for(self._database, utc_now())
            many = await outbox.more_wait_than(self._database, MOST_WAITING)
        except Transient:  # Without MongoDB nothing is taken in anyway, and the handler says so.
            return None
        if behind > MOST_BEHIND_SECONDS:
            why = f"What was taken in {behind:.0f} s ago is not published yet."
        elif many:
            why = f"More than {MOST_WAITING} messages are not published yet."
        else:
            return None
        return Busy("outbox_behind", why, retry_after=_RETRY_AFTER)
