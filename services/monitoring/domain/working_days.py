"""Days that count: working days of one time zone, without holidays.

- A moment on a day that does not count is the first moment of the next one that does: what is found on a Saturday is
  not due before what was found on the Friday before.
- The clock on the wall decides. 17:00 stays 17:00 when summer time begins; a time that the change leaves out is as much
  later as the clock was put forward.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.vocabulary import Frozen
from shared.errors import Invalid

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""As RFC 5545 writes them; the places are those of `date.weekday`."""
_DAY = timedelta(days=1)


class Calendar(Frozen):
    """Which days count. Raises `Invalid` (`sla_time_zone_unknown`) when it is used with an unknown time zone."""

    time_zone: str
    working_days: tuple[str, ...]
    holidays: frozenset[date] = frozenset()

    def counts(self, day: date) -> bool:
        """Whether this is a working day."""
        return WEEKDAYS[day.weekday()] in self.working_days and day not in self.holidays

    def later(self, since: datetime, days: int) -> datetime:
        """The moment so many working days after `since`, in UTC."""
        local = since.astimezone(zone_of(self.time_zone))
        day, clock = local.date(), local.time()
        if not self.counts(day):
            day, clock = self._next(day), time()
        for _ in range(days):
            day = self._next(day)
        return datetime.combine(day, clock, zone_of(self.time_zone)).astimezone(UTC)

    def _next(self, day: date) -> date:
        day += _DAY
        while not self.counts(day):
            day += _DAY
        return day


@lru_cache(maxsize=128)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name. Raises `Invalid` (`sla_time_zone_unknown`)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(
            "sla_time_zone_unknown",
            f"There is no time zone {name}.",
            remedy="Use a name of the IANA database, such as Europe/Berlin.",
        ) from error
