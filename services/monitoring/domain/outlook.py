"""How many alerts were open when: counted back from what is open now.

- Nothing is kept for it. Each alert says when it opened and closed, and none is ever removed.
- An alert counts under the severity that it has, or had last, in every number alike: sums always come out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.monitoring.domain.buckets import Span


@dataclass(frozen=True, slots=True)
class Tally:
    """Alerts of one severity that opened, or closed, at the beginning of some period of time."""

    at: datetime
    severity: str
    count: int
    met: int = 0
    """How many of those closed were closed in time."""


@dataclass(frozen=True)
class Counted:
    """What became of alerts in one period."""

    span: Span
    opened: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    met: int = 0
    open: Counter[str] = field(default_factory=Counter)
    """At its end."""


def counted(
    parts: Sequence[Span], opened: Iterable[Tally], closed: Iterable[Tally], still_open: Mapping[str, int]
) -> tuple[Counted, ...]:
    """Period by period. The parts lie one after the other, and the last one ends now."""
    opens, ends = list(opened), list(closed)
    found: list[Counted] = []
    standing = Counter(still_open)
    for part in reversed(parts):
        begun, over = _of(part, opens), _of(part, ends)
        met = sum(one.met for one in ends if part.since <= one.at < part.until)
        # Alerts change between the questions: none of a kind is the least there can have been.
        found.append(Counted(part, begun, over, met, Counter({kind: n for kind, n in standing.items() if n > 0})))
        standing.update(over)
        standing.subtract(begun)
    return tuple(reversed(found))


def _of(part: Span, tallies: Iterable[Tally]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in tallies:
        if part.since <= one.at < part.until:
            found[one.severity] += one.count
    return found
