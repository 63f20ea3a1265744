"""How a window is laid out in tiles, so that what is over is summed once and kept, and only the rest anew.

- A tile that is over has edges that stay the same from question to question, and nothing of the window's last UTC
  day in it: its sums change only with a late or corrected fact.
- The tiles of a window lie one after the other without a gap, and no period of its series has a part of one.
- What lies before the first and behind the last midnight of a window is in tiles of its own, which are never over:
  these edges go on with the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.monitoring.domain.buckets import Period, Span, beginning_of, day_of, spans
from services.monitoring.domain.delivery import Window
from services.monitoring.domain.sums import Sums, joined

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a window, from `since` up to and without `until`."""

    since: datetime
    until: datetime
    is_over: bool

    @property
    def window(self) -> Window:
        """From when to when it goes."""
        return Window(self.since, self.until)

    def days(self) -> Iterable[datetime]:
        """The beginnings of the UTC days that it has a part in."""
        day = _midnight(self.since)
        while day < self.until:
            yield day
            day += _DAY


def tiles(parts: tuple[Span, ...], zone: ZoneInfo, *, series: bool) -> tuple[Tile, ...]:
    """The tiles of a window: the periods of its series, or the weeks of one that has no series."""
    since, until = parts[0].since, parts[-1].until
    weeks = () if series else spans(Window(since, until), Period.WEEK, zone)
    first = since if series else _midnight(since + _DAY - timedelta.resolution)
    last = _midnight(until)
    inner = (first, last, *(one.since for one in (*parts, *weeks)))
    edges = sorted({since, until, *(one for one in inner if since < one < until)})
    return tuple(Tile(one, other, is_over=one >= first and other <= last) for one, other in pairwise(edges))


def covering(found: Sequence[Tile]) -> Tile | None:
    """All tiles that are over, as one; None where there are none."""
    over = [one for one in found if one.is_over]
    return Tile(over[0].since, over[-1].until, is_over=True) if over else None


def by_part(sums: Mapping[Tile, Sums], parts: Iterable[Span]) -> list[Sums]:
    """What was counted in each period of a series; tiles and periods in order."""
    found, waiting = [], [*sums.items()][::-1]
    for part in parts:
        own = []
        while waiting and waiting[-1][0].since < part.until:
            own.append(waiting.pop()[1])
        found.append(own[0] if len(own) == 1 else joined(own))
    return found


def _midnight(moment: datetime) -> datetime:
    return beginning_of(day_of(moment))
