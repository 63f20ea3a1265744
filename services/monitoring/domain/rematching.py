"""When everything is matched again: once a day, and when somebody asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the re-match under way has come, and what stands to be done."""

    started_at: datetime
    """When the newest one began; before the first, when monitoring was first started."""
    cursor: str | None = None
    """The key of the last release that was matched, empty at the beginning; None while none is under way."""
    releases: int = 0
    differences: int = 0
    requested: bool = False


def is_due(progress: Progress, at: time, now: datetime) -> bool:
    """Whether to begin one: it was asked for, or the daily time `at` (UTC) has passed since the newest began."""
    today = now.replace(hour=at.hour, minute=at.minute, second=at.second, microsecond=0)
    newest = today if today <= now else today - timedelta(days=1)
    return progress.requested or progress.started_at < newest
