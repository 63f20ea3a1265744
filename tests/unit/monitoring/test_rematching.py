from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from services.monitoring.domain.rematching import Progress, is_due


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("started", "now", "due"),
    [
        (at(1, 12), at(1, 23), False),
        (at(1, 12), at(2, 2, 59), False),
        (at(1, 12), at(2, 3), True),
        (at(2, 3), at(2, 4), False),
        (at(1, 2), at(1, 2, 30), False),
        (at(1, 2), at(1, 3), True),
        (at(1, 12), at(9, 1), True),
    ],
)
def test_it_is_due_once_a_day_at_its_time(started: datetime, now: datetime, due: bool) -> None:
    assert is_due(Progress(started), time(3), now) is due
    assert is_due(Progress(started, requested=True), time(3), now)
