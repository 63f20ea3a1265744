from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from services.monitoring.domain.bands import Band, Year, failure_band, frequency_band, lead_time_band, restore_band
from services.monitoring.domain.delivery import Window
from tests.unit.monitoring.delivery_builders import day

UTC_ZONE = ZoneInfo("UTC")
DAY = 86400
QUARTER = Window(day(0), day(84))
"""Twelve weeks from a Monday on."""


def each(weeks: range, *weekdays: int) -> list[float]:
    return [day(7 * week + weekday + 0.5).timestamp() for week in weeks for weekday in weekdays]


@pytest.mark.parametrize(
    ("seconds", "of_2021", "of_2023"),
    [
        (3599, Band.ELITE, Band.ELITE),
        (3600, Band.HIGH, Band.ELITE),
        (DAY, Band.HIGH, Band.HIGH),
        (7 * DAY, Band.MEDIUM, Band.MEDIUM),
        (30 * DAY, Band.MEDIUM, Band.LOW),
        (180 * DAY, Band.LOW, Band.LOW),
        (None, None, None),
    ],
)
def test_lead_time(seconds: float | None, of_2021: Band | None, of_2023: Band | None) -> None:
    assert (lead_time_band(seconds, Year.Y2021), lead_time_band(seconds, Year.Y2023)) == (of_2021, of_2023)


def test_failures_and_restoring() -> None:
    assert [failure_band(one, Year.Y2023) for one in (0, 0.05, 0.051, 0.1, 0.15, 0.2)] == [
        *([Band.ELITE] * 2),
        *([Band.HIGH] * 2),
        Band.MEDIUM,
        Band.LOW,
    ]
    assert [failure_band(one, Year.Y2021) for one in (0.15, 0.2, 0.3, 0.31)] == list(Band)
    assert [restore_band(one) for one in (3599, 3600, DAY, 7 * DAY)] == list(Band)
    assert (failure_band(None, Year.Y2021), restore_band(None)) == (None, None)


@pytest.mark.parametrize(
    ("times", "of_2021", "of_2023"),
    [
        (each(range(12), 0, 1, 2, 3, 4), Band.ELITE, Band.ELITE),
        (each(range(12), 0, 1, 2, 3), Band.HIGH, Band.HIGH),
        (each(range(12), 0) * 9, Band.HIGH, Band.HIGH),
        (each(range(0, 12, 4), 0), Band.HIGH, Band.MEDIUM),
        (each(range(1), 0), Band.MEDIUM, Band.LOW),
        ([], None, None),
    ],
)
def test_frequency_counts_days_with_a_deployment(
    times: list[float], of_2021: Band | None, of_2023: Band | None
) -> None:
    found = [frequency_band(times, QUARTER, UTC_ZONE, year) for year in (Year.Y2021, Year.Y2023)]
    assert found == [of_2021, of_2023]


def test_days_are_those_of_the_zone() -> None:
    # Twice on each of three days there, and on six days in UTC.
    times = [(day(number) + timedelta(hours=hours)).timestamp() for number in (0, 2, 4) for hours in (20, 28)]
    week = Window(day(0), day(7))
    assert frequency_band(times, week, UTC_ZONE, Year.Y2023) is Band.ELITE
    assert frequency_band(times, week, ZoneInfo("Pacific/Honolulu"), Year.Y2023) is not Band.ELITE
