"""What is kept fact by fact equals what is computed from all facts, whatever order they come in."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.vocabulary import PromotionKind
from services.monitoring.domain import metrics
from services.monitoring.domain.buckets import Entry, changes
from services.monitoring.domain.delivery import Deployment, History, Incident, Window
from services.monitoring.domain.delivery_sums import DeliverySums
from services.monitoring.domain.sketch import cell
from services.monitoring.domain.sums import summed
from tests.unit.monitoring.delivery_builders import day, incident, release, rollback
from tests.unit.monitoring.delivery_ledger import Ledger

WHOLE = Window(day(0), day(40))
_VERSIONS = st.sampled_from("abc")
_TIMES = st.integers(0, 60).map(lambda half: half / 2)
"""Half days in a month: equal times are frequent."""


@st.composite
def deployments(draw: st.DrawFn) -> list[Deployment]:
    found = []
    for number in range(draw(st.integers(0, 7))):
        at, version = draw(_TIMES), draw(_VERSIONS)
        kind = draw(st.sampled_from([PromotionKind.RELEASE, PromotionKind.RELEASE, PromotionKind.ROLLBACK]))
        committed = draw(st.none() | _TIMES)
        commit = None if committed is None else day(committed)
        found.append(Deployment(f"d{number}", "shop", version, day(at), kind, commit))
    return found


@st.composite
def incidents(draw: st.DrawFn) -> list[Incident]:
    found = []
    for number in range(draw(st.integers(0, 5))):
        opened, lasted = draw(_TIMES), draw(st.none() | _TIMES)
        resolved = None if lasted is None else opened + lasted
        found.append(incident(f"i{number}", opened, resolved, draw(st.none() | _VERSIONS)))
    return found


def recomputed(history: History) -> dict[str, int]:
    """The counters of all facts, from `History` alone."""
    frequency = metrics.deployment_frequency(history, WHOLE)
    lead, failed = metrics.lead_time(history, WHOLE), metrics.change_failure_rate(history, WHOLE)
    restore, rework = metrics.time_to_restore(history, WHOLE), metrics.rework_rate(history, WHOLE)
    releases = [one for one in history.deployments if one.kind is PromotionKind.RELEASE]
    leads = [one.at - one.committed_at for one in releases if one.committed_at and one.committed_at <= one.at]
    ended = [one.ended_at - one.at for one in history.failures() if one.incident and one.ended_at]
    counts: Counter[str] = Counter(
        {
            "deployments": frequency.count,
            "releases": len(releases),
            "rollbacks": rework.rollbacks,
            "unmeasured": lead.without_commit_time,
            "failed": failed.numerator,
            "reworked": rework.numerator,
            "fixes": rework.fixes,
            "open": restore.still_open,
            "alone": restore.rollbacks_alone,
        }
    )
    counts.update(f"lead:{cell(one.total_seconds())}" for one in leads)
    counts.update(f"restore:{cell(one.total_seconds())}" for one in ended)
    return {name: count for name, count in counts.items() if count}


def kept(ledger: Ledger) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for (_, _, name), count in ledger.sums.items():
        sums[name] += count if not name.startswith("tick:") else 0
    return {name: count for name, count in sums.items() if count}


def by_quarter(ledger: Ledger) -> dict[object, int]:
    return {place: count for place, count in ledger.sums.items() if count}


@settings(max_examples=150, deadline=None)
@given(deployments(), incidents(), st.randoms(use_true_random=False), st.booleans())
@pytest.mark.thorough
def test_any_order_of_facts_and_repeats_gives_what_all_facts_give(
    shipped: list[Deployment], failing: list[Incident], chance: Random, opened_first: bool
) -> None:
    facts: list[Deployment | Incident] = [*shipped, *failing]
    again = [one for one in facts if chance.random() < 0.3]
    early = [Incident(one.id, one.application, one.opened_at, None, one.version) for one in failing if one.resolved_at]
    ordered = [*facts, *again]
    chance.shuffle(ordered)
    if opened_first:
        # What is known of an incident before it is resolved, at any place before that.
        ordered = [*early, *ordered]
    ledger, straight = Ledger(), Ledger()
    for target, line in ((ledger, ordered), (straight, facts)):
        for fact in line:
            if isinstance(fact, Deployment):
                target.deployed(fact)
            else:
                target.reported(fact)

    assert kept(ledger) == recomputed(History(shipped, failing))
    assert by_quarter(ledger) == by_quarter(straight), "in the same quarters, too"


def test_a_late_fact_changes_the_buckets_that_it_touches_and_no_others() -> None:
    ledger = Ledger()
    for fact in (release("1", 1), release("2", 5), release("3", 9), rollback("2", 10)):
        ledger.deployed(fact)
    ledger.reported(incident("i", 6, version="2"))
    # Of the deployment that failed, of the incident, and of the next release, which turns out to be its repair.
    assert {one for one, _ in ledger.touched} == {day(5).date(), day(6).date(), day(9).date()}
    ledger.reported(incident("i", 6, 7, version="2"))
    assert {one for one, _ in ledger.touched} == {day(6).date(), day(9).date()}
    # Another version stood already when it began.
    ledger.deployed(release("1b", 5.5))
    assert {one for one, _ in ledger.touched} == {day(5.5).date()}
    ledger.deployed(release("1b", 5.5))
    assert ledger.touched == set()


def test_sums_of_any_window_are_those_of_its_facts() -> None:
    shipped = [release("1", 1, committed=0.5), release("2", 3, committed=1), rollback("1", 3.25), release("3", 8.5)]
    ledger = Ledger()
    for fact in shipped:
        ledger.deployed(fact)
    window = Window(day(2), day(3.25))
    sums = DeliverySums(summed(ledger.days(), window))
    assert (sums.count("deployments"), sums.per_deployment("failed"), sums.lead.measured) == (1, 1.0, 1)
    assert sums.ticks == {day(3).timestamp(): 1}


def test_changes_cancel_what_stays_the_same() -> None:
    at = datetime(2026, 1, 1, 23, 59, tzinfo=UTC)
    same = Entry(at, {"a": 1}, ticks=True)
    assert changes([same], [same]) == {}
    assert changes([same], []) == {(at.date(), 95): {"a": -1, "tick:95": -1}}
