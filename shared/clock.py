"""Time is an argument. Only composition roots know the real clock.

- All processes of one installation share the time of its database server, so that a machine whose clock is wrong, or is
  set while it runs, judges, signs and expires as all others do (`shared/mongo/server_time.py` measures).
- Between two measurements time passes as the machine's monotonic clock says: setting the wall clock changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


@dataclass
class _Anchor:
    """A moment of the installation's time, and what the monotonic clock showed then."""

    at: datetime | None = None
    monotonic: float = 0.0


_ANCHOR = _Anchor()


def utc_now() -> datetime:
    """The present, to the millisecond: what MongoDB keeps, so that a stored time equals the one decided with."""
    if _ANCHOR.at is None:
        now = datetime.now(UTC)
    else:
        now = _ANCHOR.at + timedelta(seconds=time.monotonic() - _ANCHOR.monotonic)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def share_present(at: datetime, monotonic: float) -> None:
    """From now on the present of this process follows from this: it was `at` when the monotonic clock showed that."""
    _ANCHOR.at, _ANCHOR.monotonic = at, monotonic
