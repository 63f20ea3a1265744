from __future__ import annotations

import pytest

from services.monitoring.domain.delivery import History, Window
from services.monitoring.domain.metrics import (
    MAX_CITED,
    change_failure_rate,
    deployment_frequency,
    lead_time,
    rework_rate,
    time_to_restore,
)
from services.monitoring.domain.rhythm import Frequency
from tests.unit.monitoring.delivery_builders import day, incident, release, rollback

MONTH = Window(day(0), day(28))
EMPTY = History([])
HOUR = 1 / 24


def released_on(*days: float) -> History:
    return History([release(str(number), at) for number, at in enumerate(days)])


@pytest.mark.parametrize(
    ("days", "bucket", "per_week"),
    [
        ([], Frequency.NONE, 0),
        ([1, 2, 3, 8, 9, 10, 15, 16, 17, 22, 23, 24], Frequency.DAILY, 3),
        ([1, 1.1, 1.2, 8, 8.1, 8.2, 15, 15.1, 15.2, 22, 22.1, 22.2], Frequency.WEEKLY, 3),
        ([1, 8, 15], Frequency.WEEKLY, 1),
        ([1, 2], Frequency.MONTHLY, 0),
    ],
)
def test_frequency_buckets_follow_the_median_week(days: list[float], bucket: Frequency, per_week: float) -> None:
    result = deployment_frequency(released_on(*days), MONTH)
    assert (result.bucket, result.median_per_week) == (bucket, per_week)
    assert result.count == len(days) == result.facts.total
    assert result.per_day == len(days) / 28


def test_a_quarter_with_one_deployment_is_yearly() -> None:
    result = deployment_frequency(released_on(80), Window(day(0), day(90)))
    assert result.bucket is Frequency.YEARLY


def test_weeks_are_counted_back_from_the_end_of_the_window() -> None:
    # Days 0 to 3 are what is left over: they count, but in no week.
    result = deployment_frequency(released_on(1, 3, 9.9), Window(day(0), day(10)))
    assert (result.count, result.median_per_week) == (3, 2)
    short = deployment_frequency(released_on(0, 1), Window(day(0), day(2)))
    assert (short.per_day, short.median_per_week, short.bucket) == (1, 2, Frequency.WEEKLY)


def test_several_deployments_of_one_moment_count_each() -> None:
    result = deployment_frequency(released_on(1, 1, 8, 8), Window(day(0), day(14)))
    assert (result.count, result.per_day, result.median_per_week) == (4, 4 / 14, 2)


def test_lead_time_is_the_median_from_commit_to_release() -> None:
    history = History(
        [
            release("1", 5, committed=4),
            release("2", 10, committed=7),
            release("3", 15, committed=5),
            release("4", 16),
            release("5", 17, committed=18),
            rollback("1", 20),
            release("6", 40, committed=1),
        ]
    )
    result = lead_time(history, MONTH)
    assert (result.median_seconds, result.measured, result.without_commit_time) == (3 * 86400, 3, 2)
    assert result.facts.total == 5


def test_change_failures_count_each_deployment_once() -> None:
    history = History(
        [release("1", 1), release("2", 2), rollback("1", 3), release("3", 4)],
        [incident("i1", 2.5), incident("i2", 2.6, version="2"), incident("late", 35, version="3")],
    )
    result = change_failure_rate(history, MONTH)
    assert (result.numerator, result.denominator, result.ratio) == (2, 4, 0.5)
    assert result.failed.ids == ("shop-2@2", "shop-3@4")
    assert result.causes.ids == ("i1", "i2", "back-1@3", "late")
    assert result.facts.total == 4


def test_a_failure_counts_in_the_window_of_its_deployment() -> None:
    history = History([release("1", 1), release("2", 30)], [incident("i", 29, version="1"), incident("j", 31)])
    assert change_failure_rate(history, MONTH).failed.ids == ("shop-1@1",)


def test_time_to_restore_is_the_median_of_what_ended() -> None:
    history = History(
        [release("1", 1), release("2", 10), release("2", 1, application="bank"), rollback("1", 2, application="bank")],
        [
            incident("a", 2, 2 + HOUR),
            incident("b", 3, 3 + 3 * HOUR),
            incident("c", 9, version="1"),
            incident("d", 20),
            incident("later", 30, 31),
        ],
    )
    result = time_to_restore(history, MONTH)
    assert result.median_seconds == pytest.approx(3 * 3600)
    assert (result.measured, result.still_open, result.rollbacks_alone) == (3, 1, 1)
    assert result.facts.ids == ("a", "b", "c", "d")


def test_a_rollback_explained_by_an_incident_does_not_stand_alone() -> None:
    history = History([release("1", 1), release("2", 2), rollback("1", 3)], [incident("i", 2.5, version="2")])
    result = time_to_restore(history, MONTH)
    assert (result.median_seconds, result.rollbacks_alone) == (0.5 * 86400, 0)


def test_rework_is_rollbacks_and_the_releases_that_repair() -> None:
    history = History(
        [release("1", 1), release("2", 2), rollback("1", 3), release("3", 4), release("4", 5), release("5", 20)],
        [incident("i", 19, version="4")],
    )
    result = rework_rate(history, MONTH)
    # 1@3 is a rollback, 3@4 follows it, 5@20 follows the incident of 4; 4@5 was planned.
    assert result.reworked.ids == ("back-1@3", "shop-3@4", "shop-5@20")
    assert (result.rollbacks, result.fixes, result.numerator, result.denominator) == (1, 2, 3, 6)
    assert result.ratio == 0.5


@pytest.mark.parametrize(
    ("opened", "resolved", "shipped", "fixes"),
    [(2, None, 9, 1), (2, None, 9.01, 0), (2, 9, 9, 1), (2, 3, 4, 0)],
)
def test_a_fix_is_shipped_in_time_and_before_the_resolution(
    opened: float, resolved: float | None, shipped: float, fixes: int
) -> None:
    history = History([release("1", 1), release("2", shipped)], [incident("i", opened, resolved)])
    assert rework_rate(history, MONTH).fixes == fixes


def test_a_rollback_is_rework_but_no_fix() -> None:
    history = History([release("1", 1), release("2", 2), rollback("1", 3)], [incident("i", 2.5, version="2")])
    result = rework_rate(history, MONTH)
    assert (result.rollbacks, result.fixes, result.numerator) == (1, 0, 1)


def test_the_number_of_days_is_a_choice() -> None:
    history = History([release("1", 1), release("2", 12)], [incident("i", 2)])
    assert rework_rate(history, MONTH).fixes == 0
    assert rework_rate(history, MONTH, within_days=10).fixes == 1


def test_releasing_the_failed_version_again_repairs_nothing() -> None:
    history = History([release("1", 1), release("1", 3), release("2", 4)], [incident("i", 2, version="1")])
    assert rework_rate(history, MONTH).reworked.ids == ("shop-2@4",)


def test_without_facts_nothing_is_made_up() -> None:
    assert deployment_frequency(EMPTY, MONTH).count == 0
    assert lead_time(EMPTY, MONTH).median_seconds is None
    assert change_failure_rate(EMPTY, MONTH).ratio is None
    assert time_to_restore(EMPTY, MONTH).median_seconds is None
    assert rework_rate(EMPTY, MONTH).ratio is None


def test_at_most_a_hundred_facts_are_named_and_all_are_counted() -> None:
    cited = deployment_frequency(released_on(*(number / 10 for number in range(150))), MONTH).facts
    assert (len(cited.ids), cited.total) == (MAX_CITED, 150)
    assert cited.ids[0] == "shop-0@0.0"
