from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitoring.domain.buckets import (
    Day,
    Entry,
    Period,
    a_zone,
    changes,
    spans,
    split_days,
    to_quarters,
)
from services.monitoring.domain.delivery import Window
from services.monitoring.domain.sums import joined, summed
from shared.errors import Invalid

BERLIN, KATHMANDU, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("UTC")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def starts(window: Window, by: Period, zone: ZoneInfo) -> list[str]:
    return [one.since.isoformat()[:16] for one in spans(window, by, zone)]


def quarters(moments: Iterable[datetime]) -> dict[int, int]:
    """How many lie in which quarter of an hour, as sums tell it."""
    # No `Counter`: one that lacks a quarter is equal to one that has it with nothing.
    return dict(Counter(int(one.timestamp()) // 900 * 900 for one in moments))


def as_read(entries: list[Entry], edges: list[datetime]) -> list[Day]:
    """The buckets of these entries, as storage reads them."""
    split = split_days(edges)
    days: dict[date, tuple[dict[str, int], dict[int, dict[str, int]]]] = {}
    for (day, quarter), counts in changes([], entries).items():
        whole, quarters = days.setdefault(day, ({}, {}))
        for name, count in counts.items():
            whole[name] = whole.get(name, 0) + count
            quarters.setdefault(quarter, {})[name] = count
    return [Day(day, {}, quarters) if day in split else Day(day, whole) for day, (whole, quarters) in days.items()]


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    window = Window(at("2026-06-04T10:00"), at("2026-06-16T00:00"))
    assert starts(window, Period.WEEK, UTC_ZONE) == ["2026-06-01T00:00", "2026-06-08T00:00", "2026-06-15T00:00"]
    assert starts(window, Period.MONTH, UTC_ZONE) == ["2026-06-01T00:00"]
    [*whole, last] = spans(window, Period.WEEK, UTC_ZONE)
    assert not any(one.partial for one in whole)
    assert (last.until, last.partial) == (window.until, True)
    year_end = Window(at("2026-12-31T00:00"), at("2027-01-02T00:00"))
    assert starts(year_end, Period.WEEK, UTC_ZONE) == ["2026-12-28T00:00"], "ISO 8601: week 53 of 2026"


def test_days_of_a_zone_follow_its_clocks() -> None:
    spring = spans(Window(at("2026-03-28T23:00"), at("2026-03-30T22:00")), Period.DAY, BERLIN)
    assert [one.until - one.since for one in spring] == [timedelta(hours=23), timedelta(hours=24)]
    autumn = spans(Window(at("2026-10-24T22:00"), at("2026-10-25T23:00")), Period.DAY, BERLIN)
    assert [one.until - one.since for one in autumn] == [timedelta(hours=25)]
    assert starts(Window(at("2026-06-01T00:00"), at("2026-06-01T12:00")), Period.DAY, KATHMANDU) == ["2026-05-31T18:15"]
    # Midnight does not exist on that day there: it begins at one o'clock.
    skipped = spans(Window(at("2026-03-29T00:00"), at("2026-03-30T00:00")), Period.DAY, ZoneInfo("Asia/Beirut"))
    assert skipped[0].since == at("2026-03-28T22:00")


def test_what_cannot_be_asked_is_refused_with_its_reason() -> None:
    with pytest.raises(Invalid) as zone:
        a_zone("Europe/Atlantis")
    with pytest.raises(Invalid) as path:
        a_zone("../../etc/passwd")
    with pytest.raises(Invalid) as many:
        spans(Window(at("2024-01-01T00:00"), at("2026-01-01T00:00")), Period.DAY, UTC_ZONE)
    with pytest.raises(Invalid) as long:
        to_quarters(Window(at("2020-01-01T00:00"), at("2026-01-01T00:00")))
    assert [one.value.code for one in (zone, path, many, long)] == [
        "zone_unknown",
        "zone_unknown",
        "periods_too_many",
        "window_too_long",
    ]


@pytest.mark.thorough
@given(
    st.lists(st.integers(0, 21 * 24 * 60), max_size=30),
    st.sampled_from(list(Period)),
    st.sampled_from([UTC_ZONE, BERLIN, KATHMANDU, ZoneInfo("Pacific/Chatham"), ZoneInfo("America/St_Johns")]),
)
def test_sums_of_periods_are_those_of_the_moments_in_them(minutes: list[int], by: Period, zone: ZoneInfo) -> None:
    begin = at("2026-03-15T00:00")
    moments = [begin + timedelta(minutes=one) for one in minutes]
    window = Window(begin + timedelta(days=2), begin + timedelta(days=20, hours=5))
    parts = spans(window, by, zone)
    edges = [*(one.since for one in parts), window.until]
    days = as_read([Entry(one, {"n": 1}, ticks=True) for one in moments], edges)
    expected = [sum(part.since <= one < part.until for one in moments) for part in parts]
    sums = [summed(days, Window(one.since, one.until)) for one in parts]
    assert [one.counts.get("n", 0) for one in sums] == expected
    whole = Window(parts[0].since, window.until)
    assert joined(sums) == summed(days, whole)
    assert joined(sums).ticks == quarters(one for one in moments if one in whole)


def test_a_window_inside_a_day_has_its_quarters_only() -> None:
    entries = [Entry(at(f"2026-06-01T{hour}"), {"n": 1}) for hour in ("09:59", "10:00", "10:14", "10:15")]
    window = to_quarters(Window(at("2026-06-01T10:01"), at("2026-06-01T10:02")))
    days = as_read(entries, [window.since, window.until])
    assert summed(days, window).counts == {"n": 2}


def test_lengths_and_moments_are_told_from_plain_counters() -> None:
    counts = {"lead:7": 1, "wait:queue:12": 2, "waited:queue": 90, "denied:p/rule:1": 1, "took:3": 1}
    [morning, evening] = (Entry(at(f"2026-06-01T{hour}:07"), counts, ticks=True) for hour in ("08", "20"))
    taken_back = Entry(at("2026-06-01T08:07"), {"took:3": -1})
    sums = summed(
        as_read([morning, evening, taken_back, taken_back], []), Window(at("2026-06-01T00"), at("2026-06-02T00"))
    )
    assert sums.counts == {"waited:queue": 180, "denied:p/rule:1": 2}
    assert sums.cells == {"lead": {7: 2}, "wait:queue": {12: 4}}, "nothing is left of what sums up to zero"
    assert sums.ticks == quarters([morning.at, evening.at])
    assert sums.size == 6
