from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.vocabulary import Criticality, Severity
from services.monitoring.domain.sla import CRITICALITIES, DEFAULT, SEVERITIES, SlaTable, due, made
from services.monitoring.domain.working_days import WEEKDAYS, Calendar
from shared.errors import Invalid

SINCE = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
BERLIN = Calendar(time_zone="Europe/Berlin", working_days=("MO", "TU", "WE", "TH", "FR"))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
HOLIDAYS = st.frozensets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=20)
CALENDARS = st.builds(
    Calendar,
    time_zone=st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")),
    working_days=st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True).map(tuple),
    holidays=HOLIDAYS,
)


@st.composite
def tables(draw: st.DrawFn) -> SlaTable:
    """Tables in which worse is never later: each cell at least what is above it and what is left of it."""
    days: dict[Criticality, dict[Severity, int]] = {}
    exploited: dict[Criticality, int] = {}
    more = st.integers(0, 20)
    for place, row in enumerate(CRITICALITIES):
        above = days[CRITICALITIES[place - 1]] if place else dict.fromkeys(SEVERITIES, 1)
        cells: dict[Severity, int] = {}
        for severity in SEVERITIES:
            cells[severity] = max(above[severity], *cells.values(), 1) + draw(more)
        days[row] = cells
        exploited[row] = max(1, *exploited.values(), 1) + draw(more)
    return made(days, exploited, draw(st.none() | CALENDARS))


def days(criticality: Criticality, severity: Severity, *, exploited: bool = False) -> float:
    return (due(criticality, severity, SINCE, exploited=exploited) - SINCE) / timedelta(days=1)


def test_the_corners_of_the_table() -> None:
    assert days(Criticality.CRITICAL, Severity.CRITICAL) == 3
    assert days(Criticality.LOW, Severity.LOW) == 180


def test_what_is_exploited_has_at_most_the_days_of_cisas_directive() -> None:
    for criticality, severity in product(Criticality, Severity):
        found = days(criticality, severity, exploited=True)
        assert found <= min(14, days(criticality, severity))
    assert days(Criticality.CRITICAL, Severity.LOW, exploited=True) == 3


def test_what_nobody_said_has_its_place() -> None:
    for severity in Severity:
        assert days(Criticality.UNSPECIFIED, severity) == days(Criticality.MEDIUM, severity)
    for criticality in Criticality:
        assert days(criticality, Severity.UNKNOWN) == days(criticality, Severity.HIGH)
        assert days(criticality, Severity.NONE) == days(criticality, Severity.LOW)


@settings(deadline=None)
@given(tables(), MOMENTS, st.booleans())
def test_worse_is_never_later(table: SlaTable, since: datetime, exploited: bool) -> None:
    found = {
        (criticality, severity): due(criticality, severity, since, exploited=exploited, table=table)
        for criticality, severity in product(CRITICALITIES, SEVERITIES)
    }
    for (criticality, severity), here in found.items():
        assert here > since
        assert here <= due(criticality, severity, since, table=table), "exploited is worse"
    for row, (worse, milder) in product(CRITICALITIES, pairwise(SEVERITIES)):
        assert found[row, worse] <= found[row, milder]
    for (dearer, lesser), severity in product(pairwise(CRITICALITIES), SEVERITIES):
        assert found[dearer, severity] <= found[lesser, severity]


@settings(deadline=None)
@given(tables(), MOMENTS, st.timedeltas(timedelta(0), timedelta(days=30)))
def test_what_is_found_later_is_never_due_earlier(table: SlaTable, since: datetime, later: timedelta) -> None:
    for severity in SEVERITIES:
        # By the clock on the wall, an hour that comes twice makes two moments one.
        once = timedelta(hours=1) if table.calendar else timedelta(0)
        first = due(Criticality.HIGH, severity, since, table=table)
        assert first <= due(Criticality.HIGH, severity, since + later, table=table) + once


@settings(deadline=None)
@given(CALENDARS, MOMENTS, st.integers(1, 40))
def test_a_deadline_is_on_a_working_day_and_so_many_of_them_later(calendar: Calendar, since: datetime, n: int) -> None:
    end = calendar.later(since, n)
    zone = ZoneInfo(calendar.time_zone)
    first, last = since.astimezone(zone).date(), end.astimezone(zone).date()
    between = [first + timedelta(days=place) for place in range((last - first).days + 1)]
    counting = [day for day in between if calendar.counts(day)]
    assert calendar.counts(last)
    assert len(counting) == n + 1, "the day it was found on, or the next that counts, and n more"


@pytest.mark.parametrize(
    ("since", "n", "end"),
    [
        # Friday to Monday, over the beginning of summer time: 17:30 on the wall stays 17:30.
        ("2026-03-27T16:30:00+00:00", 1, "2026-03-30T15:30:00+00:00"),
        # And over its end.
        ("2026-10-23T15:30:00+00:00", 1, "2026-10-26T16:30:00+00:00"),
        # Found on a Saturday: as on Monday at midnight in Berlin.
        ("2026-06-06T08:00:00+00:00", 1, "2026-06-08T22:00:00+00:00"),
    ],
)
def test_the_clock_on_the_wall_decides(since: str, n: int, end: str) -> None:
    assert BERLIN.later(datetime.fromisoformat(since), n) == datetime.fromisoformat(end)


def test_a_time_that_summer_time_leaves_out_is_as_much_later() -> None:
    every_day = Calendar(time_zone="Europe/Berlin", working_days=WEEKDAYS)
    saturday = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)  # 02:30 in Berlin; on Sunday there is none.
    assert every_day.later(saturday, 1) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_holidays_do_not_count() -> None:
    christmas = BERLIN.model_copy(update={"holidays": frozenset({date(2026, 12, 25), date(2026, 12, 28)})})
    eve = datetime(2026, 12, 24, 9, tzinfo=UTC)
    assert christmas.later(eve, 1) == datetime(2026, 12, 29, 9, tzinfo=UTC)
    table = made({}, {}, christmas)
    assert due(Criticality.CRITICAL, Severity.CRITICAL, eve, table=table) == datetime(2026, 12, 31, 9, tzinfo=UTC)


def test_cells_that_are_left_out_are_as_by_default_and_worse_is_refused_to_be_later() -> None:
    mine = made({Criticality.LOW: {Severity.LOW: 365}}, {Criticality.LOW: 30}, None)
    assert (mine.days[Criticality.LOW][Severity.LOW], mine.exploited[Criticality.LOW]) == (365, 30)
    assert mine.days[Criticality.HIGH] == DEFAULT.days[Criticality.HIGH]
    for rows, exploited in (
        ({Criticality.HIGH: {Severity.CRITICAL: 15}}, {}),
        ({Criticality.CRITICAL: {Severity.LOW: 121}}, {}),
        ({}, {Criticality.CRITICAL: 8}),
    ):
        with pytest.raises(Invalid) as refused:
            made(rows, exploited, None)
        assert refused.value.code == "sla_not_monotone"
    with pytest.raises(Invalid) as unknown:
        made({}, {}, Calendar(time_zone="Mars/Olympus", working_days=("MO",)))
    assert unknown.value.code == "sla_time_zone_unknown"
