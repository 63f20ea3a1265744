"""Waivers on one axis of time."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.circumstances import WaivedSubject
from contracts.gate.v1.waivers import WaiverState, WaiverView
from services.gateway.console import waiver_list_views

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def a_waiver(state: WaiverState, asked: timedelta, ends: timedelta, **more: object) -> WaiverView:
    return WaiverView.model_validate(
        {
            "waiver_id": "wv-1",
            "project": "shop",
            "application": "web",
            "policy": "qa",
            "rule": "scan",
            "stage": "qa",
            "subject": WaivedSubject(vulnerability="CVE-2026-1"),
            "reason": "the fix comes next week",
            "state": state,
            "requested_by": "ann",
            "requested_at": NOW + asked,
            "expires_at": NOW + ends,
            **more,
        }
    )


GRANTED, REQUESTED = WaiverState.GRANTED, WaiverState.REQUESTED


def test_bars_share_one_axis_and_their_colour_says_how_soon() -> None:
    waivers = [
        a_waiver(GRANTED, -5 * DAY, DAY),
        a_waiver(GRANTED, -5 * DAY, 5 * DAY),
        a_waiver(REQUESTED, -DAY, 10 * DAY),
        a_waiver(GRANTED, -200 * DAY, 70 * DAY),
        a_waiver(WaiverState.REVOKED, -20 * DAY, 70 * DAY, ended_at=NOW - 10 * DAY),
    ]
    axis = waiver_list_views.axis(waivers, NOW)
    assert (axis.begins, axis.ends) == (NOW - 30 * DAY, NOW + 70 * DAY)
    assert axis.now == pytest.approx(30)
    assert [one.kind for one in axis.spans] == ["bad", "warn", "info", "good", "grey"]
    places = [(round(one.start), round(one.width)) for one in axis.spans]
    assert places == [(25, 6), (25, 10), (29, 11), (0, 100), (10, 10)]
    assert waiver_list_views.counts(waivers, NOW) == (
        ("end within 2 days", 1, "bad"),
        ("end within a week", 1, "warn"),
        ("asked for", 1, "info"),
        ("in force", 1, "good"),
    )
    assert axis.spans[0].subject == (("vulnerability", "CVE-2026-1"),)


def test_without_waivers_there_is_still_an_axis() -> None:
    axis = waiver_list_views.axis([], NOW)
    assert (axis.spans, axis.ends - NOW, axis.now > 5) == ((), 14 * DAY, True)


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (timedelta(days=-1), "over"),
        (timedelta(minutes=20), "ends within the hour"),
        (timedelta(minutes=90), "ends in an hour"),
        (timedelta(hours=23), "ends in 23 hours"),
        (timedelta(hours=36), "ends in a day"),
        (timedelta(days=9, hours=23), "ends in 9 days"),
    ],
)
def test_nobody_is_promised_more_time_than_there_is(left: timedelta, says: str) -> None:
    assert waiver_list_views.ending(left) == says
