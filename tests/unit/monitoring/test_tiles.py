from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitoring.domain.buckets import Entry, Period, Span, spans
from services.monitoring.domain.delivery import Window
from services.monitoring.domain.sums import joined, summed
from services.monitoring.domain.tiles import Tile, by_part, covering, tiles
from tests.unit.monitoring.test_buckets import BERLIN, KATHMANDU, UTC_ZONE, as_read, at, quarters

ZONES = (UTC_ZONE, BERLIN, KATHMANDU, ZoneInfo("Pacific/Chatham"), ZoneInfo("America/Los_Angeles"))


def shown(found: tuple[Tile, ...]) -> list[str]:
    return [f"{one.since:%d %H:%M} - {one.until:%d %H:%M}{' over' * one.is_over}" for one in found]


def test_a_window_without_a_series_is_laid_out_in_days_and_weeks() -> None:
    window = Span(at("2026-06-03T10:15"), at("2026-06-17T09:30"))
    assert shown(tiles((window,), UTC_ZONE, series=False)) == [
        "03 10:15 - 04 00:00",
        "04 00:00 - 08 00:00 over",
        "08 00:00 - 15 00:00 over",
        "15 00:00 - 17 00:00 over",
        "17 00:00 - 17 09:30",
    ]


def test_a_series_begins_with_a_whole_period_and_leaves_today_alone() -> None:
    parts = spans(Window(at("2026-06-03T10:15"), at("2026-06-17T09:30")), Period.WEEK, BERLIN)
    assert shown(tiles(parts, BERLIN, series=True)) == [
        "31 22:00 - 07 22:00 over",
        "07 22:00 - 14 22:00 over",
        "14 22:00 - 17 00:00 over",
        "17 00:00 - 17 09:30",
    ]


def test_a_window_inside_a_day_is_one_tile_and_one_until_midnight_is_over() -> None:
    inside = Span(at("2026-06-03T10:15"), at("2026-06-03T10:30"))
    assert shown(tiles((inside,), UTC_ZONE, series=False)) == ["03 10:15 - 03 10:30"]
    day = Span(at("2026-06-03T00:00"), at("2026-06-04T00:00"))
    assert shown(tiles((day,), UTC_ZONE, series=False)) == ["03 00:00 - 04 00:00 over"]
    assert [one.isoformat()[:10] for one in Tile(day.since, day.until, is_over=True).days()] == ["2026-06-03"]


@pytest.mark.thorough
@given(
    st.lists(st.integers(0, 21 * 24 * 60), max_size=30),
    st.sampled_from([None, *Period]),
    st.sampled_from(ZONES),
    st.integers(0, 200),
    st.integers(0, 1500),
)
def test_tiles_hold_every_moment_once(
    minutes: list[int], by: Period | None, zone: ZoneInfo, begins: int, lasts: int
) -> None:
    begin = at("2026-03-15T00:00")
    moments = [begin + timedelta(minutes=one) for one in minutes]
    since = begin + timedelta(minutes=15 * begins)
    window = Window(since, since + timedelta(minutes=15 * (lasts + 1)))
    parts = spans(window, by, zone) if by else (Span(window.since, window.until),)
    laid = tiles(parts, zone, series=by is not None)
    assert (laid[0].since, laid[-1].until) == (parts[0].since, parts[-1].until)
    assert all(one.until == other.since for one, other in pairwise(laid))

    sums = {}
    for tile in laid:
        own = [one for one in moments if any(day <= one < day + timedelta(1) for day in tile.days())]
        read = as_read([Entry(one, {"n": 1}, ticks=True) for one in own], [tile.since, tile.until])
        sums[tile] = summed(read, tile.window)
    expected = [sum(part.since <= one < part.until for one in moments) for part in parts]
    assert [one.counts.get("n", 0) for one in by_part(sums, parts)] == expected
    whole = joined(sums.values())
    assert whole.counts.get("n", 0) == sum(expected)
    assert whole.ticks == quarters(one for one in moments if laid[0].since <= one < laid[-1].until)
    cover = covering(laid)
    assert (cover is None) == (not any(one.is_over for one in laid))
    if cover:
        over = [one for one in laid if one.is_over]
        assert (cover.since, cover.until) == (over[0].since, over[-1].until)
        assert all(one.is_over for one in laid if cover.since <= one.since < cover.until), "without a gap"


@given(st.sampled_from(ZONES), st.sampled_from([None, *Period]), st.integers(0, 96), st.integers(0, 96))
def test_what_is_over_stays_the_same_while_the_clock_goes_on(
    zone: ZoneInfo, by: Period | None, early: int, late: int
) -> None:
    """Within a day: two questions for the last weeks have the same tiles that are over."""

    def over(now: datetime) -> set[Tile]:
        window = Window(now - timedelta(weeks=5), now)
        parts = spans(window, by, zone) if by else (Span(window.since, window.until),)
        return {one for one in tiles(parts, zone, series=by is not None) if one.is_over}

    day = at("2026-06-17T00:15")
    first, second = (over(day + timedelta(minutes=min(one, 94) * 15)) for one in (early, late))
    assert not any(one.until > at("2026-06-17T00:00") for one in first | second)
    if by is None:
        assert first == second
    else:
        # A series begins with a whole period, which another one may be a little later: what both have is the same.
        begins = max(min(one.since for one in tile) for tile in (first, second))
        assert {one for one in first if one.since >= begins} == {one for one in second if one.since >= begins}
