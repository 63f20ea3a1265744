"""One alert: what leads where, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.alerting import AlertState, ClosedBy
from services.monitoring.domain.alerts import (
    KEPT_ENTRIES,
    Alert,
    acknowledged,
    assigned,
    change_between,
    closed,
    snoozed,
    swept,
)
from shared.errors import Conflict, HallmarkError, Invalid
from tests.unit.monitoring.alert_builders import NOW, Memory, flaw

S = AlertState
DAY = timedelta(days=1)
Move = Callable[[Alert, datetime], Alert]
MOVES: dict[str, Move] = {
    "acknowledge": lambda one, at: acknowledged(one, "ann", "Mine.", at),
    "snooze": lambda one, at: snoozed(one, min(at + DAY, one.due), "ann", "Not today.", at),
    "assign": lambda one, at: assigned(one, "bob", "ann", "", at),
    "sweep": swept,
    "close": lambda one, at: closed(one, ClosedBy.FIXED, "It is gone.", at),
}


def an_alert() -> Alert:
    [step] = Memory().settle(flaw("CVE-1"))
    return step.after


def in_state(state: S) -> Alert:
    one = an_alert()
    match state:
        case S.OPEN:
            return one
        case S.ACKNOWLEDGED:
            return MOVES["acknowledge"](one, NOW)
        case S.SNOOZED:
            return MOVES["snooze"](one, NOW)
        case S.ESCALATED:
            return swept(one, one.due)
        case S.CLOSED:
            return MOVES["close"](one, NOW)


TABLE = {
    S.OPEN: (S.ACKNOWLEDGED, S.SNOOZED, S.OPEN, S.OPEN, S.ESCALATED),
    S.ACKNOWLEDGED: (S.ACKNOWLEDGED, S.SNOOZED, S.ACKNOWLEDGED, S.ACKNOWLEDGED, S.ESCALATED),
    S.SNOOZED: (S.ACKNOWLEDGED, S.SNOOZED, S.SNOOZED, S.OPEN, S.ESCALATED),
    S.ESCALATED: (S.ACKNOWLEDGED, "alert_overdue", S.ESCALATED, S.ESCALATED, S.ESCALATED),
    S.CLOSED: ("alert_closed", "alert_closed", "alert_closed", S.CLOSED, S.CLOSED),
}


def result(move: Callable[[], Alert]) -> str:
    try:
        return move().state
    except HallmarkError as error:
        return error.code


@pytest.mark.parametrize("state", S)
def test_the_table(state: S) -> None:
    one = in_state(state)
    later = NOW + 2 * DAY
    assert TABLE[state] == (
        result(lambda: MOVES["acknowledge"](one, later)),
        result(lambda: MOVES["snooze"](one, later)),
        result(lambda: MOVES["assign"](one, later)),
        result(lambda: swept(one, later)),
        result(lambda: swept(one, one.due)),
    )
    assert MOVES["close"](one, later).state is S.CLOSED


def test_a_snooze_ends_in_the_future_and_before_the_deadline() -> None:
    one = an_alert()
    for until, code in ((NOW, "snooze_past"), (one.due + timedelta(seconds=1), "snooze_long")):
        with pytest.raises(Invalid) as refused:
            snoozed(one, until, "ann", "", NOW)
        assert refused.value.code == code
    with pytest.raises(Conflict):
        snoozed(one, one.due, "ann", "", one.due)
    asleep = snoozed(one, one.due, "ann", "", NOW)
    assert asleep.look_at == one.due
    assert swept(asleep, one.due).state is S.ESCALATED, "the deadline goes before the end of the snooze"


def test_who_did_what_and_why_is_kept_up_to_a_bound() -> None:
    one = acknowledged(an_alert(), "ann", "Mine.", NOW + DAY)
    assert [(entry.change, entry.by, entry.reason) for entry in one.history] == [
        ("opened", None, ""),
        ("acknowledged", "ann", "Mine."),
    ]
    for number in range(KEPT_ENTRIES + 3):
        one = assigned(one, f"p{number}", "ann", "", NOW)
    assert len(one.history) == KEPT_ENTRIES
    assert one.history[-1].assignee == f"p{KEPT_ENTRIES + 2}"


def test_met_is_a_fact() -> None:
    one = an_alert()
    assert one.met is None
    assert closed(one, ClosedBy.FIXED, "", one.due).met is True
    late = closed(swept(one, one.due), ClosedBy.FIXED, "", one.due + DAY)
    assert (late.met, late.is_overdue(NOW)) == (False, True)


@pytest.mark.thorough
@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(0, 20)), max_size=30))
def test_whatever_is_done_in_whatever_order(moves: list[tuple[str, int]]) -> None:
    one, at = an_alert(), NOW
    escalations = 0
    for name, days in moves:
        at += days * DAY
        try:
            after = MOVES[name](one, at)
            again = MOVES[name](after, at)
        except (Conflict, Invalid):
            continue
        assert again == after, "the same twice changes nothing"
        assert one.active or after == one, "closed is the end"
        escalations += change_between(one, after) == "escalated"
        assert after.due == one.due
        assert (after.snoozed_until is not None) == (after.state is S.SNOOZED)
        assert after.look_at is None or after.look_at > at or name != "sweep", "a sweep leaves nothing to do"
        one = after
    assert escalations <= 1
    assert escalations == (one.escalated_at is not None)
