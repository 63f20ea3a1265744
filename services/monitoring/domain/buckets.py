"""Sums over time that are kept as facts come in, so that a question reads sums and no facts.

- A bucket is one UTC day of one scope (an application, a project, everything). It holds counters of the whole day, and
  of each quarter of an hour in which something was counted.
- Every offset from UTC in use since 1972 is a whole number of quarters. So a day in any zone is put together from
  whole UTC days and quarters, exactly. Edges that are no such quarter are moved back to the last one.
- What a fact counts is a list of entries. A late or corrected fact takes its old entries back and puts in the new
  ones, and no other bucket is touched.
- Weeks are those of ISO 8601, from Monday on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.monitoring.domain.delivery import Window
from shared.errors import Invalid

QUARTER = timedelta(minutes=15)
MAX_PERIODS = 400
MAX_WINDOW = timedelta(days=1100)
"""About three years: a question never reads more days than that."""
TICK = "tick:"
"""Counters that say in which quarters of its day something happened."""
Counts = Mapping[str, int]


class Period(StrEnum):
    """What a series is divided into."""

    DAY = "day"
    WEEK = "week"
    """From Monday on, as ISO 8601 has it."""
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a fact counts at one moment."""

    at: datetime
    counts: Counts
    ticks: bool = False
    """Whether the moment itself is to be found again, to the quarter."""


@dataclass(frozen=True)
class Day:
    """One bucket as it was read: whole, or by quarters."""

    day: date
    whole: Counts = field(default_factory=dict)
    quarters: Mapping[int, Counts] | None = None
    """Given where an edge of a period lies inside the day; `whole` is not read then."""

    @property
    def begins(self) -> datetime:
        """Its first moment."""
        return beginning_of(self.day)


@dataclass(frozen=True, slots=True)
class Span:
    """One period of a series, from `since` up to and without `until`."""

    since: datetime
    until: datetime
    partial: bool = False
    """Whether the window ends before the period does."""


def quarter_of(moment: datetime) -> int:
    """Which quarter of its UTC day a moment lies in, from 0 to 95."""
    at = moment.astimezone(UTC)
    return at.hour * 4 + at.minute // 15


def day_of(moment: datetime) -> date:
    """The UTC day of a moment."""
    return moment.astimezone(UTC).date()


def beginning_of(day: date) -> datetime:
    """The first moment of a UTC day."""
    return datetime.combine(day, time(), UTC)


def changes(before: Iterable[Entry], after: Iterable[Entry]) -> dict[tuple[date, int], dict[str, int]]:
    """What to add to which quarter of which day when a fact counted `before` and counts `after` now."""
    found: dict[tuple[date, int], Counter[str]] = {}
    for entries, sign in ((before, -1), (after, 1)):
        for entry in entries:
            changed = found.setdefault((day_of(entry.at), quarter_of(entry.at)), Counter())
            for name, count in entry.counts.items():
                changed[name] += sign * count
            if entry.ticks:
                changed[f"{TICK}{quarter_of(entry.at)}"] += sign
    kept = {place: {name: count for name, count in counts.items() if count} for place, counts in found.items()}
    return {place: counts for place, counts in kept.items() if counts}


def a_zone(name: str) -> ZoneInfo:
    """A zone of the IANA database. Raises `Invalid` (`zone_unknown`)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(
            "zone_unknown",
            f"{name!r} is no time zone of the IANA database.",
            remedy="Write UTC, or a name such as Europe/Berlin.",
        ) from error


def to_quarters(window: Window) -> Window:
    """The shortest window of whole quarters around one. Raises `Invalid` (`window_too_long`)."""
    if window.until - window.since > MAX_WINDOW:
        raise Invalid(
            "window_too_long",
            f"The window is longer than {MAX_WINDOW.days} days.",
            remedy="Ask for less at a time.",
        )
    since, until = _floor(window.since), _floor(window.until)
    return Window(since, until if until == window.until else until + QUARTER)


def spans(window: Window, by: Period, zone: ZoneInfo) -> tuple[Span, ...]:
    """The periods of a series: the first is the whole one that the window begins in. Raises `Invalid`.

    Codes: `periods_too_many`, `window_too_long`.
    """
    window = to_quarters(window)
    begins = _period_of(window.since.astimezone(zone).date(), by)
    found: list[Span] = []
    while (since := midnight(begins, zone)) < window.until:
        if len(found) == MAX_PERIODS:
            raise Invalid(
                "periods_too_many",
                f"The window has more than {MAX_PERIODS} periods of a {by.value}.",
                remedy="Ask for longer periods, or for a shorter window.",
            )
        begins = _next(begins, by)
        ends = midnight(begins, zone)
        if ends > since:
            found.append(Span(since, min(ends, window.until), partial=ends > window.until))
    return tuple(found)


def split_days(edges: Iterable[datetime]) -> frozenset[date]:
    """The UTC days of which the quarters are needed: an edge lies inside them."""
    return frozenset(day_of(edge) for edge in edges if quarter_of(edge))


def pieces(one: Day) -> Iterator[tuple[datetime, Counts]]:
    """What was counted in a bucket, as finely as it was read: when it begins, and its counters."""
    if one.quarters is None:
        yield one.begins, one.whole
        return
    yield from ((one.begins + quarter * QUARTER, counts) for quarter, counts in sorted(one.quarters.items()))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins in a zone: where the clocks skip midnight, the moment at which they do."""
    return _floor(datetime.combine(day, time(), zone))


def _floor(moment: datetime) -> datetime:
    at = moment.astimezone(UTC)
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def _period_of(day: date, by: Period) -> date:
    match by:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)


def _next(day: date, by: Period) -> date:
    match by:
        case Period.DAY:
            return day + timedelta(days=1)
        case Period.WEEK:
            return day + timedelta(days=7)
        case Period.MONTH:
            return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
