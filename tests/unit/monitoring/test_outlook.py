"""What was open when, counted back from what is open now."""

from datetime import UTC, datetime, timedelta

from services.monitoring.domain.buckets import Span
from services.monitoring.domain.outlook import Tally, counted

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
WEEKS = [Span(NOW + place * WEEK, NOW + (place + 1) * WEEK) for place in range(3)]


def test_what_is_open_now_is_open_at_the_end_of_the_last_period() -> None:
    opened = [Tally(NOW, "high", 5), Tally(NOW + WEEK, "high", 1), Tally(NOW + WEEK, "low", 2)]
    closed = [Tally(NOW + 2 * WEEK, "high", 3, met=1), Tally(NOW + 2 * WEEK, "low", 2, met=2)]
    found = counted(WEEKS, opened, closed, {"high": 4})
    assert [one.span for one in found] == WEEKS
    assert [dict(one.open) for one in found] == [{"high": 6}, {"high": 7, "low": 2}, {"high": 4}]
    assert [one.met for one in found] == [0, 0, 3]


def test_what_was_open_before_the_window_counts() -> None:
    found = counted(WEEKS, [], [Tally(NOW, "low", 7)], {"low": 1})
    assert [dict(one.open) for one in found] == [{"low": 1}] * 3
    assert found[0].closed == {"low": 7}


def test_numbers_that_were_read_at_different_moments_are_never_negative() -> None:
    found = counted(WEEKS, [Tally(NOW + 2 * WEEK, "high", 3)], [], {"high": 1})
    assert [dict(one.open) for one in found] == [{}, {}, {"high": 1}]


def test_without_periods_there_is_nothing() -> None:
    assert counted([], [], [], {"high": 1}) == ()
