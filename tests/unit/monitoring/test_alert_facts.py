"""What is told of alerts, and what is not worth telling."""

from __future__ import annotations

from datetime import timedelta

from contracts.alerting import AlertState, ClosedBy
from contracts.monitoring.v1.alerts import AlertChanged, AlertClosed, AlertOpened
from contracts.vocabulary import Criticality, Severity
from services.monitoring.domain.alerting import Step
from services.monitoring.domain.alerts import assigned, closed, snoozed
from services.monitoring.wire_alerts import alert_view, told
from tests.unit.monitoring.alert_builders import NOW, Memory, flaw

DAY = timedelta(days=1)


def test_each_change_is_told_with_its_substance() -> None:
    [step] = Memory().settle(flaw("GHSA-1", "CVE-1", summary="It is broken."))
    opened = told(step, NOW)
    assert isinstance(opened, AlertOpened)
    assert opened.address() == "hallmark.evt.monitoring.alert.opened.v1.shop.web"
    assert (opened.name, opened.aliases, opened.summary) == ("CVE-1", ("GHSA-1",), "It is broken.")
    one = step.after
    put_aside = snoozed(one, NOW + DAY, "ann", "Later.", NOW)
    changed = told(Step(one, put_aside), NOW)
    assert isinstance(changed, AlertChanged)
    assert (changed.change, changed.by, changed.reason) == ("snoozed", "ann", "Later.")
    assert (changed.state, changed.snoozed_until) == (AlertState.SNOOZED, NOW + DAY)
    given = told(Step(one, assigned(one, "bob", "ann", "", NOW)), NOW)
    assert isinstance(given, AlertChanged)
    assert (given.change, given.assignee) == ("assigned", "bob")
    ended = told(Step(one, closed(one, ClosedBy.FIXED, "It is gone.", one.due + DAY)), NOW)
    assert isinstance(ended, AlertClosed)
    assert (ended.closed_by, ended.because, ended.met) == (ClosedBy.FIXED, "It is gone.", False)


def test_other_words_for_the_same_flaw_are_kept_and_not_told() -> None:
    memory = Memory()
    memory.settle(flaw("CVE-1"))
    [reworded] = memory.settle(flaw("CVE-1", "GHSA-1", summary="Said better."))
    assert reworded.after.summary == "Said better."
    assert told(reworded, NOW) is None
    [dearer] = memory.settle(flaw("CVE-1", "GHSA-1", summary="Said better."), criticality=Criticality.CRITICAL)
    fact = told(dearer, NOW)
    assert isinstance(fact, AlertChanged)
    assert (fact.change, fact.due, fact.by) == ("restated", NOW + 30 * DAY, None)
    [milder] = memory.settle(flaw("CVE-1", severity=Severity.LOW), criticality=Criticality.CRITICAL)
    assert told(milder, NOW) is not None


def test_lists_leave_the_history_out() -> None:
    [step] = Memory().settle(flaw("CVE-1"))
    assert len(alert_view(step.after, NOW).history) == 1
    assert alert_view(step.after, NOW, whole=False).history == ()
    assert alert_view(step.after, step.after.due + DAY).overdue
