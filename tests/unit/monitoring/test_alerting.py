"""Which alerts there are, whatever came in whatever order."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts.alerting import AlertState, ClosedBy
from contracts.vocabulary import Criticality, Severity, Trust
from services.monitoring.domain.alerting import Step
from services.monitoring.domain.alerts import acknowledged, snoozed, swept
from services.monitoring.domain.causes import VulnerabilityCause
from services.monitoring.domain.deadlines import got_worse
from tests.unit.monitoring.alert_builders import NOW, Memory, flaw

DAY = timedelta(days=1)
NAMES = ("CVE-1", "CVE-2", "GHSA-1", "GHSA-2", "PYSEC-1")
COMPONENTS = ("pkg:pypi/lib@1.0", "pkg:pypi/other@2.0")
CAUSES = st.lists(
    st.builds(
        lambda name, aliases, component, severity, days: flaw(
            name, *sorted(set(aliases) - {name}), component=component, severity=severity, since=NOW + days * DAY
        ),
        st.sampled_from(NAMES),
        st.lists(st.sampled_from(NAMES), max_size=2),
        st.sampled_from(COMPONENTS),
        st.sampled_from(Severity),
        st.integers(0, 3),
    ),
    max_size=6,
    unique_by=lambda one: (one.match.component, one.match.advisory_id),
)


def changes(steps: list[Step]) -> list[tuple[str, str, str | None]]:
    return [(one.after.name, one.after.state.value, one.after.closed_by) for one in steps]


def test_the_same_cause_has_one_alert_however_often_it_is_said() -> None:
    memory = Memory()
    assert changes(memory.settle(flaw("GHSA-1", "CVE-1"))) == [("CVE-1", "open", None)]
    assert memory.settle(flaw("GHSA-1", "CVE-1")) == []
    [step] = memory.settle(flaw("GHSA-1", "CVE-1"), flaw("CVE-1"), flaw("PYSEC-1", "CVE-1", summary="Reworded."))
    assert (step.after.state, step.after.ids) == (AlertState.OPEN, ("CVE-1", "GHSA-1", "PYSEC-1"))
    assert step.after.alert_id == memory.active[0].alert_id
    other = Memory()
    other.settle(flaw("CVE-1"))
    assert other.active[0].alert_id == memory.active[0].alert_id, "the id follows from the cause"


def test_a_cause_that_is_gone_and_comes_back_is_another_alert_that_names_the_first() -> None:
    memory = Memory()
    [first] = memory.settle(flaw("CVE-1"))
    assert changes(memory.settle(at=NOW + DAY)) == [("CVE-1", "closed", ClosedBy.FIXED)]
    [again] = memory.settle(flaw("CVE-1"), at=NOW + 2 * DAY)
    assert (again.after.follows, again.after.occurrence) == (first.after.alert_id, 2)
    assert memory.settle(flaw("CVE-1"), current=False)[0].after.state is AlertState.CLOSED
    assert memory.settle(flaw("CVE-1"), trust=Trust.REVOKED) == []


def test_a_name_that_was_taken_back_and_comes_again_makes_no_id_twice() -> None:
    memory = Memory()
    [first] = memory.settle(flaw("GHSA-1", "CVE-1"))
    memory.settle(flaw("GHSA-1"))
    [second] = memory.settle(flaw("GHSA-1"), flaw("CVE-1"))
    assert (second.after.name, second.after.occurrence, second.after.follows) == ("CVE-1", 2, first.after.alert_id)


def test_a_release_that_is_brought_back_has_the_deadline_it_had() -> None:
    memory = Memory()
    [first] = memory.settle(flaw("CVE-1"))
    memory.settle(flaw("CVE-1"), current=False, at=NOW + DAY)
    [back] = memory.settle(flaw("CVE-1"), at=NOW + 30 * DAY)
    assert back.after.due == first.after.due == NOW + 45 * DAY


def test_what_gets_worse_is_opened_again_although_it_was_acknowledged() -> None:
    memory = Memory()
    [first] = memory.settle(flaw("CVE-1"))
    memory.take([Step(first.after, acknowledged(first.after, "ann", "", NOW))])
    raised, opened = memory.settle(flaw("CVE-1", severity=Severity.CRITICAL), at=NOW + DAY)
    assert (raised.after.closed_by, raised.after.replaced_by) == (ClosedBy.RAISED, opened.after.alert_id)
    assert (opened.after.state, opened.after.follows) == (AlertState.OPEN, first.after.alert_id)
    assert opened.after.due == NOW + 8 * DAY, "seven days from when it got worse"

    memory.exploited = frozenset({"CVE-1"})
    _, exploited = memory.settle(flaw("CVE-1", severity=Severity.CRITICAL), at=NOW + 2 * DAY)
    assert (exploited.after.occurrence, exploited.after.exploited) == (3, True)
    assert exploited.after.due == NOW + 8 * DAY, "never later than it was"

    memory.exploited = frozenset()
    [milder] = memory.settle(flaw("CVE-1", severity=Severity.LOW), at=NOW + 3 * DAY)
    assert (milder.after.alert_id, milder.after.state) == (exploited.after.alert_id, AlertState.OPEN)
    assert milder.after.due == NOW + DAY + 120 * DAY


def test_what_gets_worse_after_its_deadline_has_a_new_one() -> None:
    memory = Memory()
    memory.settle(flaw("CVE-1"))
    _, opened = memory.settle(flaw("CVE-1", severity=Severity.HIGH), at=NOW + 50 * DAY)
    assert opened.after.due == NOW + 64 * DAY


def test_a_deadline_that_moves_forward_takes_the_snooze_along() -> None:
    memory = Memory()
    [first] = memory.settle(flaw("CVE-1"))
    memory.take([Step(first.after, snoozed(first.after, NOW + 40 * DAY, "ann", "Later.", NOW))])
    [moved] = memory.settle(flaw("CVE-1"), criticality=Criticality.CRITICAL)
    assert moved.after.due == moved.after.snoozed_until == NOW + 30 * DAY


def test_flaws_that_turn_out_to_be_one_are_joined_and_the_nearest_deadline_stays() -> None:
    memory = Memory()
    two = (flaw("CVE-1", severity=Severity.HIGH), flaw("GHSA-1", severity=Severity.LOW))
    memory.settle(*two)
    steps = {one.after.name: one.after for one in memory.settle(*two, flaw("PYSEC-1", "CVE-1", "GHSA-1"))}
    [left] = memory.active
    assert (left.name, left.due) == ("CVE-1", NOW + 14 * DAY)
    assert (steps["GHSA-1"].closed_by, steps["GHSA-1"].replaced_by) == (ClosedBy.JOINED, left.alert_id)
    memory.settle(*two)
    assert {one.ids for one in memory.active} == {("CVE-1",), ("GHSA-1",)}, "and told apart again"


def expected(memory: Memory) -> set[tuple[str, tuple[str, ...]]]:
    return {(one.component, one.ids) for one in memory.release.standing(())} if memory.release.current else set()


@pytest.mark.thorough
@settings(deadline=None)
@given(st.permutations([flaw("CVE-1"), flaw("GHSA-1", "CVE-1"), flaw("CVE-2"), flaw("GHSA-2", "PYSEC-1")]), st.data())
def test_the_order_and_the_number_of_times_decide_nothing(order: list[VulnerabilityCause], data: st.DataObject) -> None:
    memory = Memory()
    for place in range(len(order)):
        for _ in range(data.draw(st.integers(1, 2))):
            memory.settle(*order[: place + 1])
    at_once = Memory()
    at_once.settle(*order)
    assert {one.alert_id: (one.ids, one.due) for one in memory.active} == {
        one.alert_id: (one.ids, one.due) for one in at_once.active
    }
    assert len(memory.alerts) == 3, "none was made for nothing"


class Alerts(RuleBasedStateMachine):
    """A release to which everything happens: one alert per cause, none lost, no deadline that moves away by itself."""

    @initialize()
    def begin(self) -> None:
        self.memory = Memory()
        self.now: datetime = NOW
        self.causes: list[VulnerabilityCause] = []
        self.current = True

    def settle(self) -> None:
        before = {(one.alert_id): one for one in self.memory.active}
        self.memory.settle(*self.causes, at=self.now, current=self.current)
        assert self.memory.settle(*self.causes, at=self.now, current=self.current) == [], "twice changes nothing"
        for one in self.memory.active:
            old = before.get(one.alert_id)
            if old:
                assert not got_worse(one.severity, old.severity, exploited=one.exploited, was_exploited=old.exploited)

    @rule(causes=CAUSES)
    def hear(self, causes: list[VulnerabilityCause]) -> None:
        self.causes = causes
        self.settle()

    @rule(names=st.frozensets(st.sampled_from(NAMES)))
    def learn(self, names: frozenset[str]) -> None:
        self.memory.exploited = names
        self.settle()

    @rule(current=st.booleans())
    def stand(self, current: bool) -> None:
        self.current = current
        self.settle()

    @rule(days=st.integers(1, 60))
    def wait(self, days: int) -> None:
        self.now += days * DAY
        steps = [Step(one, swept(one, self.now)) for one in self.memory.active]
        self.memory.take(one for one in steps if one.before != one.after)

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        if self.memory.active:
            one = data.draw(st.sampled_from(self.memory.active))
            self.memory.take([Step(one, acknowledged(one, "ann", "", self.now))])

    @invariant()
    def one_alert_per_cause(self) -> None:
        active = self.memory.active
        assert {(one.component, one.ids) for one in active} == expected(self.memory)
        assert len({(one.component, one.ids) for one in active}) == len(active)

    @invariant()
    def every_alert_agrees_with_its_release(self) -> None:
        dues = self.memory.release.dues
        assert all(dues[one.component, one.ids[0]].due == one.due for one in self.memory.active)

    @invariant()
    def links_lead_somewhere(self) -> None:
        alerts = self.memory.alerts
        assert all(one.replaced_by in alerts for one in alerts.values() if one.replaced_by)
        assert all(one.follows in alerts for one in alerts.values() if one.follows)
        assert all((one.closed_at is None) == one.active for one in alerts.values())


TestAlerts = pytest.mark.thorough(Alerts.TestCase)
TestAlerts.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)
