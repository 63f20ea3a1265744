"""Freezes: when nothing enters a stage.

- A freeze holds what it names: applications and stages (all, where it names none) and kinds of promotions.
- Its windows are half-open: frozen from the first moment, free again at the last.
- Recurring windows follow a part of RFC 5545 by the clock on the wall of their time zone: 16:00 stays 16:00 when
  summer time begins. They last for real time: twelve hours are twelve hours.
- Rules are counted until 2050.
- Of several freezes that hold something the one that ends last is shown. Windows that touch are one: who waits for the
  end of a freeze should not wake up in the next.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrule, rrulestr

from contracts.vocabulary import ApplicationName, PromotionKind, StageName
from services.promotion.domain.facts import Hold
from shared.errors import Invalid

_EPOCH = datetime(2020, 1, 6)  # noqa: DTZ001 - the clock on the wall; a Monday, so that weekly rules begin on one
_HORIZON = datetime(2050, 1, 1)  # noqa: DTZ001 - as above; a rule that never comes true must not be sought for ever
_PARTS = {
    "FREQ": r"DAILY|WEEKLY|MONTHLY|YEARLY",
    "INTERVAL": r"[1-9][0-9]?",
    "BYDAY": r"(-?[1-5])?(MO|TU|WE|TH|FR|SA|SU)(,(-?[1-5])?(MO|TU|WE|TH|FR|SA|SU))*",
    "BYMONTHDAY": r"-?([1-9]|1[0-9]|2[0-8])(,-?([1-9]|1[0-9]|2[0-8]))*",
    "BYMONTH": r"([1-9]|1[0-2])(,([1-9]|1[0-2]))*",
    "BYHOUR": r"(1?[0-9]|2[0-3])(,(1?[0-9]|2[0-3]))*",
    "BYMINUTE": r"[1-5]?[0-9](,[1-5]?[0-9])*",
    "UNTIL": r"[0-9]{8}",
}
"""What of RFC 5545 is understood. With the rest, a rule can be written that never comes true, and dateutil would seek
its next occurrence until the year 9999."""
_DAYS = {
    "BYDAY": ("WEEKLY", "MONTHLY", "YEARLY"),
    "BYMONTHDAY": ("MONTHLY", "YEARLY"),
    "BYMONTH": ("MONTHLY", "YEARLY"),
}
"""With which frequencies some parts make sense, for the same reason."""
_UNIT = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LONGEST = timedelta(days=366)
_MOST_STARTS = 30_000


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
        begun = ((_last_before(one, at), _length(one.lasts)) for one in self.recurring)
        ends += [start + lasts for start, lasts in begun if start and at < start + lasts]
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
    while moment - at < _LONGEST and (
        ends := [(end, one.name) for one in concerned if (end := one.ends_after(moment))]
    ):
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
        _starts_of(recurring)


def _last_before(recurring: Recurring, at: datetime) -> datetime | None:
    """The newest occurrence that has begun."""
    starts = _starts_of(recurring)
    place = bisect_right(starts, at)
    return starts[place - 1] if place else None


def _next_after(recurring: Recurring, at: datetime) -> datetime | None:
    starts = _starts_of(recurring)
    place = bisect_right(starts, at)
    return starts[place] if place < len(starts) else None


@lru_cache(maxsize=512)
def _starts_of(recurring: Recurring) -> tuple[datetime, ...]:
    """When it begins, each time. Raises `Invalid` for a rule that nobody can read or count."""
    try:
        zone = ZoneInfo(recurring.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(
            "freeze_time_zone_unknown",
            f"There is no time zone {recurring.time_zone}.",
            remedy="Use a name of the IANA database, such as Europe/Berlin.",
        ) from error
    if _length(recurring.lasts) > _LONGEST:
        raise _unreadable(recurring, "it lasts longer than a year")
    found = list(islice(_rule_of(recurring), _MOST_STARTS + 1))
    if len(found) > _MOST_STARTS:
        raise _unreadable(recurring, "it comes too often")
    return tuple(sorted(start.replace(tzinfo=zone).astimezone(UTC) for start in found))


def _rule_of(recurring: Recurring) -> rrule:
    parts = dict(part.partition("=")[::2] for part in recurring.rule.upper().removeprefix("RRULE:").split(";"))
    freq = parts.get("FREQ", "")
    for name, value in parts.items():
        if name not in _PARTS or not re.fullmatch(_PARTS[name], value) or (name in _DAYS and freq not in _DAYS[name]):
            raise _unreadable(recurring, f"nothing is known of {name}={value} {f'in a rule with FREQ={freq}'}")
    try:
        rule: rrule = rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=_EPOCH)
        until = min(datetime.strptime(parts["UNTIL"], "%Y%m%d"), _HORIZON) if "UNTIL" in parts else _HORIZON  # noqa: DTZ007 - as above
    except ValueError as error:
        raise _unreadable(recurring, str(error)) from error
    return rule.replace(until=until)


def _unreadable(recurring: Recurring, why: str) -> Invalid:
    return Invalid(
        "freeze_rule_unreadable",
        f"The rule {recurring.rule} cannot be read: {why}.",
        remedy="Write an RFC 5545 rule without DTSTART, such as FREQ=WEEKLY;BYDAY=FR;BYHOUR=16;BYMINUTE=0.",
    )


def _length(text: str) -> timedelta:
    return int(text[:-1]) * _UNIT[text[-1]]
