"""When sources are looked at, and which may be named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.monitoring.feeds.schedule import LONGEST_WISH, Pace, wished_seconds
from services.monitoring.feeds.source import FeedSource, read_sources
from services.monitoring.settings import MonitoringSettings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PACE = Pace(interval=3600, patience=30)


def seconds(at: datetime) -> float:
    return (at - NOW).total_seconds()


def test_failures_double_the_wait_up_to_the_interval() -> None:
    waits = [seconds(PACE.after_failure(NOW, failures, 0.5)) for failures in (1, 2, 3, 8, 10**9)]
    assert waits == [30, 60, 120, 3600, 3600]
    assert seconds(PACE.after_success(NOW, 0.5)) == 3600


def test_those_who_began_together_do_not_stay_together() -> None:
    assert [round(seconds(PACE.after_success(NOW, chance))) for chance in (0.0, 1.0)] == [2880, 4320]


def test_a_wish_makes_the_wait_longer_and_never_shorter() -> None:
    assert seconds(PACE.after_failure(NOW, 1, 0.5, 500.0)) == 500
    assert seconds(PACE.after_failure(NOW, 1, 0.5, 5.0)) == 30


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("9" * 100_000, LONGEST_WISH),
        ("Mon, 01 Jun 2026 12:01:00 GMT", 60.0),
        ("Mon, 01 Jun 2020 12:01:00 GMT", 0.0),
        ("Mon, 01 Jun 2099 12:01:00 GMT", LONGEST_WISH),
        ("soon", None),
        ("-5", None),
        ("\u0661", None),
        (None, None),
    ],
)
def test_wishes_are_read(text: str | None, wish: float | None) -> None:
    assert wished_seconds(text, NOW) == wish


def test_sources_are_named_one_by_one() -> None:
    text = "osv-pypi=https://osv.example/PyPI/all.zip, own=https://osv.example:8443/own.json?token=x"
    first, second = read_sources(text)
    assert first == FeedSource("osv-pypi", "https://osv.example/PyPI/all.zip")
    assert (second.name, second.shown) == ("own", "osv.example")
    assert read_sources(" , ") == ()


@pytest.mark.parametrize(
    "text",
    [
        "https://osv.example/all.zip",
        "a=http://osv.example/all.zip",
        "a=https://user:secret@osv.example/",
        "a=https://osv.example/#part",
        "a=https://osv.example:99999/",
        "a=https:///all.zip",
        "a=https://osv.example/\u202e",
        "a=https://osv.example/,a=https://osv.example/",
        "b ad=https://osv.example/",
        "a=" + "https://osv.example/" + "x" * 2000,
        "kev=https://osv.example/",
    ],
)
def test_other_sources_are_refused_at_start_without_repeating_them(text: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the setting's error is a ValidationError
        read_sources(text)
    assert "secret" not in str(refused.value)
    with pytest.raises(ValidationError) as unset:
        MonitoringSettings(service="monitoring", advisory_sources=text)
    assert "secret" not in str(unset.value)


def test_feeds_about_exploitation_are_named_by_settings_of_their_own() -> None:
    named: dict[str, Any] = {
        "kev_source": "https://kev.example/kev.json",
        "epss_source": "https://epss.example/epss.csv.gz?token=x",
    }
    kev, epss = MonitoringSettings(service="monitoring", **named).feed_sources
    assert (kev, epss.kind, epss.shown) == (FeedSource("kev", named["kev_source"], "kev"), "epss", "epss.example")
    assert MonitoringSettings(service="monitoring").feed_sources == ()
    for name in named:
        secret: dict[str, Any] = {name: "https://user:secret@kev.example/"}
        with pytest.raises(ValidationError) as unset:
            MonitoringSettings(service="monitoring", **secret)
        assert "secret" not in str(unset.value)


def test_waiting_never_overflows_a_date() -> None:
    assert PACE.after_failure(NOW, 10**6, 1.0) < NOW + timedelta(days=2)
