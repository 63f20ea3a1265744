"""Matching everything again: when that is due, and what is compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from contracts.vocabulary import Digest
from services.monitoring.domain.matching import Match


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


@dataclass(frozen=True, slots=True)
class Matched:
    """What is kept about the components of a release. What else is known of it takes long to read."""

    key: str
    project: str
    application: str
    version: str
    own_subjects: tuple[Digest, ...]
    subjects: tuple[Digest, ...]
    sboms: tuple[str, ...]
    components: int
    is_revoked: bool
    matches: tuple[Match, ...]
    """Those that count, and those that are excused."""


def is_due(progress: Progress, at: time, now: datetime) -> bool:
    """Whether to begin one: it was asked for, or the daily time `at` (UTC) has passed since the newest began."""
    today = now.replace(hour=at.hour, minute=at.minute, second=at.second, microsecond=0)
    newest = today if today <= now else today - timedelta(days=1)
    return progress.requested or progress.started_at < newest
