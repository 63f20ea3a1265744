"""When something is frozen, and until when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.vocabulary import PromotionKind
from services.promotion.domain.freezing import Freeze, Recurring, Window, check_freeze, hold_of
from shared.errors import Invalid

PROMOTE, ROLLBACK = PromotionKind.PROMOTE, PromotionKind.ROLLBACK
WEEKEND = Recurring("FREQ=WEEKLY;BYDAY=FR;BYHOUR=16;BYMINUTE=0", "62h", "Europe/Berlin")


def day(number: int, hour: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)


def a_freeze(name: str = "holidays", **fields: Any) -> Freeze:
    known: dict[str, Any] = {
        "applications": frozenset(),
        "stages": frozenset(),
        "kinds": frozenset({PROMOTE}),
        "windows": (),
        "recurring": (),
    }
    return Freeze(name=name, **known | fields)


def until(*freezes: Freeze, at: datetime, stage: str = "prod", kind: PromotionKind = PROMOTE) -> datetime | None:
    hold = hold_of(freezes, "cart", stage, kind, at)
    return hold.until if hold else None


def test_a_window_holds_from_its_first_moment_to_before_its_last() -> None:
    freeze = a_freeze(windows=(Window(day(20), day(22)),))
    just = timedelta(microseconds=1)
    assert [until(freeze, at=at) for at in (day(20) - just, day(20), day(22) - just, day(22))] == [
        None,
        day(22),
        day(22),
        None,
    ]
    assert freeze.next_from(day(1)) == day(20)
    assert freeze.next_from(day(20)) is None


def test_only_what_a_freeze_names_is_held() -> None:
    window = (Window(day(1), day(30)),)
    at = day(2)
    assert until(a_freeze(windows=window), at=at)
    assert until(a_freeze(windows=window), at=at, kind=ROLLBACK) is None, "the ways back stay open"
    assert until(a_freeze(windows=window, kinds=frozenset({ROLLBACK})), at=at, kind=ROLLBACK)
    assert until(a_freeze(windows=window, stages=frozenset({"qa"})), at=at) is None
    assert until(a_freeze(windows=window, stages=frozenset({"qa"})), at=at, stage="qa")
    assert until(a_freeze(windows=window, applications=frozenset({"web"})), at=at) is None
    assert until(a_freeze(windows=window, applications=frozenset({"cart"})), at=at)


def test_a_recurring_window_follows_the_clock_on_the_wall() -> None:
    freeze = a_freeze(recurring=(WEEKEND,))
    winter, summer = day(27, 15), datetime(2026, 7, 3, 14, tzinfo=UTC)
    minute = timedelta(minutes=1)
    for start in (winter, summer):
        assert until(freeze, at=start - minute) is None
        assert until(freeze, at=start) == start + timedelta(hours=62)
        assert until(freeze, at=start + timedelta(hours=62)) is None
    assert freeze.next_from(day(26)) == winter


def test_twelve_hours_are_twelve_hours_when_the_clock_goes_back() -> None:
    night = Recurring("FREQ=DAILY;BYHOUR=20;BYMINUTE=0", "12h", "Europe/Berlin")
    start = datetime(2026, 10, 24, 18, tzinfo=UTC)
    assert until(a_freeze(recurring=(night,)), at=start + timedelta(hours=11)) == start + timedelta(hours=12)


def test_windows_that_touch_are_one_and_the_last_freeze_is_named() -> None:
    first = a_freeze("first", windows=(Window(day(1), day(3)), Window(day(10), day(11))))
    second = a_freeze("second", windows=(Window(day(3), day(5)), Window(day(4), day(8))))
    hold = hold_of([first, second], "cart", "prod", PROMOTE, day(2))
    assert hold is not None
    assert (hold.freeze, hold.until) == ("second", day(8))


def test_a_freeze_that_never_ends_is_looked_at_again_all_the_same() -> None:
    always = Recurring("FREQ=DAILY;BYHOUR=0;BYMINUTE=0", "24h", "UTC")
    found = until(a_freeze(recurring=(always,)), at=day(2))
    assert found is not None
    assert found > day(2) + timedelta(days=300)


@pytest.mark.parametrize(
    ("recurring", "code"),
    [
        (Recurring("every friday", "12h", "UTC"), "freeze_rule_unreadable"),
        (Recurring("FREQ=SECONDLY", "12h", "UTC"), "freeze_rule_unreadable"),
        (Recurring("FREQ=HOURLY", "1h", "UTC"), "freeze_rule_unreadable"),
        (Recurring("FREQ=DAILY;COUNT=3", "12h", "UTC"), "freeze_rule_unreadable"),
        (Recurring("FREQ=DAILY;BYHOUR=1,2,3,4,5,6", "1h", "UTC"), "freeze_rule_unreadable"),
        (Recurring("FREQ=DAILY;BYHOUR=99", "12h", "UTC"), "freeze_rule_unreadable"),
        (Recurring("FREQ=DAILY\nDTSTART:20200101T000000", "12h", "UTC"), "freeze_rule_unreadable"),
        (Recurring("FREQ=YEARLY", "400d", "UTC"), "freeze_rule_unreadable"),
        (Recurring("FREQ=DAILY", "12h", "Europe/Atlantis"), "freeze_time_zone_unknown"),
        (Recurring("FREQ=DAILY", "12h", "../../etc/passwd"), "freeze_time_zone_unknown"),
    ],
)
def test_what_nobody_can_read_is_refused_when_it_is_applied(recurring: Recurring, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_freeze(a_freeze(recurring=(recurring,)))
    assert refused.value.code == code
    assert refused.value.remedy


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        check_freeze(a_freeze(windows=(Window(day(2), day(2)),)))
    assert refused.value.code == "freeze_window_backwards"


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTHDAY=30;BYMONTH=2",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=YEARLY;BYWEEKNO=60",
        "FREQ=YEARLY;BYEASTER=400",
        "FREQ=MONTHLY;BYSETPOS=40;BYDAY=MO",
    ],
)
def test_a_rule_that_never_comes_true_is_not_sought_for_ever(rule: str) -> None:
    with pytest.raises(Invalid):
        check_freeze(a_freeze(recurring=(Recurring(rule, "12h", "UTC"),)))


def test_a_rule_may_end() -> None:
    ended = a_freeze(recurring=(Recurring("FREQ=DAILY;UNTIL=20261103", "12h", "UTC"),))
    assert until(ended, at=day(2, 3)) == day(2, 12)
    assert until(ended, at=day(4, 3)) is None


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
rules = st.sampled_from(
    ["FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=9", "FREQ=MONTHLY;BYDAY=-1FR"]
)


@pytest.mark.thorough
@settings(deadline=None)
@given(moments, zones, rules, st.integers(1, 20))
def test_what_is_held_is_free_at_the_end_of_the_hold_and_not_before(
    at: datetime, zone: str, rule: str, hours: int
) -> None:
    freeze = a_freeze(recurring=(Recurring(rule, f"{hours}h", zone),))
    end = until(freeze, at=at)
    if end is None:
        assert freeze.ends_after(at) is None
        return
    assert end > at
    assert until(freeze, at=end) is None
    assert until(freeze, at=at + (end - at) / 2) == end
    assert until(freeze, at=end - timedelta(microseconds=1)) == end
