"""When to look at a source again: pure.

- After a success, an interval later; after failures, a patience that doubles, up to the interval. Both vary by a fifth,
  so that those who began together do not stay together.
- Who asks to be left alone (Retry-After, RFC 9110 10.2.3) is, for a day at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_WISH = 86_400.0
_VARIES_BY = 0.2
_MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a source is looked at; seconds."""

    interval: float
    patience: float

    def after_success(self, at: datetime, chance: float) -> datetime:
        """When to look again; `chance` is between 0 and 1."""
        return at + timedelta(seconds=_varied(self.interval, chance))

    def after_failure(self, at: datetime, failures: int, chance: float, wish: float | None = None) -> datetime:
        """When to try again after so many failures in a row; never earlier than whoever answered wishes."""
        wait = min(self.patience * 2 ** min(max(failures - 1, 0), _MOST_DOUBLINGS), self.interval)
        return at + timedelta(seconds=max(_varied(wait, chance), wish or 0.0))


def wished_seconds(text: str | None, now: datetime) -> float | None:
    """What `Retry-After` asks for, in seconds, at most a day; None when it says nothing that can be read."""
    if text is None:
        return None
    words = text.strip()
    if words.isascii() and words.isdigit():
        # As a text first: very long numbers are slow to read.
        return LONGEST_WISH if len(words) > len(str(LONGEST_WISH)) else min(float(words), LONGEST_WISH)
    try:
        until = parsedate_to_datetime(words)
    except (ValueError, TypeError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), LONGEST_WISH)


def _varied(seconds: float, chance: float) -> float:
    return seconds * (1 - _VARIES_BY + 2 * _VARIES_BY * chance)
