"""Freezes: when nothing enters a stage.

- A freeze holds what it names: applications and stages (all, where it names none) and kinds of promotions.
- Its windows are half-open: frozen from the first moment, free again at the last.
- Recurring windows follow RFC 5545 by the clock on the wall of their time zone: 16:00 stays 16:00 when summer time
  begins. They last for real time: twelve hours are twelve hours.
- Of several freezes that hold something the one that ends last is shown. Windows that touch are one: who waits for the
  end of a freeze should not wake up in the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import DAILY, rrule, rrulestr

from contracts.vocabulary import ApplicationName, PromotionKind, StageName
from services.promotion.domain.facts import Hold
from shared.errors import Invalid

_EPOCH = datetime(2020, 1, 6)  # noqa: DTZ001 - the clock on the wall; a Monday, so that weekly rules begin on one
_HORIZON = datetime(2060, 1, 1)  # noqa: DTZ001 - as above; a rule that never comes true must not be sought for ever
_UNIT = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LONGEST = timedelta(days=366)
_MOST_JOINED = 400


@dataclass(frozen=True)
class Window:
    """One stretch of time."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Recurring:
    """A stretch of time that comes again and again."""

    rule: str
    lasts: str
    time_zone: str


@dataclass(frozen=True)
class Freeze:
    """What is frozen, and when."""

    name: str
    applications: frozenset[ApplicationName]
    stages: frozenset[StageName]
    kinds: frozenset[PromotionKind]
    windows: tuple[Window, ...]
    recurring: tuple[Recurring, ...]

    def concerns(self, application: ApplicationName, stage: StageName, kind: PromotionKind) -> bool:
        """Whether it is about such a promotion at all."""
        return (
            kind in self.kinds
            and (not self.applications or application in self.applications)
            and (not self.stages or stage in self.stages)
        )

    def ends_after(self, at: datetime) -> datetime | None:
        """When the window that holds at a moment ends; None when there is none."""
        ends = [window.ends_at for window in self.windows if window.starts_at <= at < window.ends_at]
        ends += [end for one in self.recurring for start, end in [_last_before(one, at)] if start and at < end]
        return max(ends, default=None)

    def next_from(self, at: datetime) -> datetime | None:
        """When the next window begins; None when none does within a year."""
        starts = [window.starts_at for window in self.windows if window.starts_at > at]
        starts += [start for one in self.recurring if (start := _next_after(one, at))]
        return min((start for start in starts if start - at <= _LONGEST), default=None)


def hold_of(
    freezes: Iterable[Freeze], application: ApplicationName, stage: StageName, kind: PromotionKind, at: datetime
) -> Hold | None:
    """What holds such a promotion back at a moment, until nothing does any more."""
    concerned = [one for one in freezes if one.concerns(application, stage, kind)]
    hold: Hold | None = None
    moment = at
    for _ in range(_MOST_JOINED):
        ends = [(end, one.name) for one in concerned if (end := one.ends_after(moment))]
        if not ends:
            return hold
        moment, name = max(ends)
        hold = Hold(freeze=name, until=moment)
    return hold


def check_freeze(freeze: Freeze) -> None:
    """Pass when its windows can be read and make sense. Raises `Invalid`."""
    for window in freeze.windows:
        if window.ends_at <= window.starts_at:
            raise Invalid(
                "freeze_window_backwards",
                f"A window of freeze {freeze.name} ends before it starts.",
                remedy="Have `ends_at` come after `starts_at`.",
            )
    for recurring in freeze.recurring:
        _rule_of(recurring)


def _last_before(recurring: Recurring, at: datetime) -> tuple[datetime | None, datetime]:
    """The newest occurrence that has begun, and when it ends; occurrences that overlap are one."""
    zone, lasts = ZoneInfo(recurring.time_zone), _length(recurring.lasts)
    wall = at.astimezone(zone).replace(tzinfo=None)
    # An hour beyond, since the wall's clock goes back once a year: the real times are compared below.
    start = _rule_of(recurring).before(wall + timedelta(hours=2), inc=True)
    while start is not None:
        real = start.replace(tzinfo=zone).astimezone(UTC)
        if real <= at:
            return real, real + lasts
        start = _rule_of(recurring).before(start)
    return None, at


def _next_after(recurring: Recurring, at: datetime) -> datetime | None:
    zone = ZoneInfo(recurring.time_zone)
    wall = at.astimezone(zone).replace(tzinfo=None)
    start = _rule_of(recurring).after(wall)
    return start.replace(tzinfo=zone).astimezone(UTC) if start else None


@lru_cache(maxsize=512)
def _rule_of(recurring: Recurring) -> rrule:
    """The recurrence. Raises `Invalid` for one that nobody can read or count."""
    try:
        ZoneInfo(recurring.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(
            "freeze_time_zone_unknown",
            f"There is no time zone {recurring.time_zone}.",
            remedy="Use a name of the IANA database, such as Europe/Berlin.",
        ) from error
    try:
        rule = rrulestr(recurring.rule.upper().removeprefix("RRULE:"), dtstart=_EPOCH, cache=True)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(recurring, str(error)) from error
    if not isinstance(rule, rrule) or rule._freq > DAILY:  # noqa: SLF001 - dateutil offers no other way to ask
        raise _unreadable(recurring, "it has to be one rule, at most daily")
    if rule._count is not None:  # noqa: SLF001 - as above
        raise _unreadable(recurring, "COUNT needs a beginning; write single windows instead")
    if _length(recurring.lasts) > _LONGEST:
        raise _unreadable(recurring, "it lasts longer than a year")
    until = min(rule._until or _HORIZON, _HORIZON)  # noqa: SLF001 - as above
    return rule.replace(until=until, cache=True)


def _unreadable(recurring: Recurring, why: str) -> Invalid:
    return Invalid(
        "freeze_rule_unreadable",
        f"The rule {recurring.rule} cannot be read: {why}.",
        remedy="Write an RFC 5545 rule without DTSTART, such as FREQ=WEEKLY;BYDAY=FR;BYHOUR=16;BYMINUTE=0.",
    )


def _length(text: str) -> timedelta:
    return int(text[:-1]) * _UNIT[text[-1]]
