from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.circumstances import Exploitation
from contracts.vocabulary import Criticality, Severity
from services.monitoring.domain.advisory import Advisory, read_advisory
from services.monitoring.domain.matching import matches_among
from services.monitoring.domain.priority import Burden, Step, World, at_version, plan, score
from services.monitoring.domain.remediation import distinct
from tests.support.matching import answers

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CRITICALITIES = {"web": Criticality.CRITICAL, "api": Criticality.LOW}
Stock = dict[tuple[str, str], frozenset[str]]
"""The components of each application and version."""


def advisory(name: str, package: str, introduced: int, fixed: int | None, severity: str = "HIGH") -> Advisory:
    events = [{"introduced": str(introduced)}, *([{"fixed": str(fixed)}] if fixed is not None else [])]
    affected = {"package": {"ecosystem": "npm", "name": package}, "ranges": [{"type": "SEMVER", "events": events}]}
    return read_advisory(
        {
            "id": name,
            "modified": "2026-05-01T00:00:00Z",
            "database_specific": {"severity": severity},
            "affected": [affected],
        }
    )


def burdens(stock: Stock, world: World) -> list[Burden]:
    return [
        Burden(application, version, CRITICALITIES[application], match, NOW)
        for (application, version), components in sorted(stock.items())
        for match in distinct(matches_among(answers(components, world.advisories)))
    ]


def risk(stock: Stock, world: World) -> float:
    return sum(score(one, world).risk for one in burdens(stock, world))


def done(stock: Stock, step: Step) -> Stock:
    if step.to_version is None:
        return stock
    moved = at_version(step.component, step.to_version)
    return {key: frozenset(moved if one == step.component else one for one in mine) for key, mine in stock.items()}


advisories = st.lists(
    st.builds(
        lambda number, package, introduced, length, severity: advisory(
            f"A-{number}", package, introduced, introduced + length if length else None, severity
        ),
        st.integers(0, 30),
        st.sampled_from(["a", "b"]),
        st.integers(0, 6),
        st.integers(0, 4),
        st.sampled_from(["LOW", "MEDIUM", "HIGH", "CRITICAL"]),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)
components = st.frozensets(
    st.builds("pkg:npm/{}@{}".format, st.sampled_from(["a", "b"]), st.integers(0, 6)), max_size=3
)
stocks = st.fixed_dictionaries({("web", "1"): components, ("api", "1"): components, ("web", "2"): components})


@pytest.mark.thorough
@settings(max_examples=60, deadline=None)
@given(stocks, advisories, st.sets(st.integers(0, 30)))
def test_doing_what_is_first_never_raises_the_risk_that_is_left(
    stock: Stock, known: list[Advisory], exploited: set[int]
) -> None:
    listed = {f"A-{one}": Exploitation(vulnerability=f"A-{one}", exploited_since=NOW) for one in exploited}
    world = World(known, listed, NOW)
    for _ in range(20):
        before = risk(stock, world)
        steps = plan(burdens(stock, world), world)
        assert sum(one.risk for one in steps) == pytest.approx(before)
        if not steps or steps[0].to_version is None:
            assert all(one.removes == 0 for one in steps)
            break
        worth = [one.removes for one in steps]
        assert worth == sorted(worth, reverse=True)
        assert steps[0].removes > 0
        stock = done(stock, steps[0])
        # Two versions of one package in one place can become one: then even less is left than was promised.
        assert risk(stock, world) <= before - steps[0].removes + 1e-6


def burden(
    name: str, severity: Severity = Severity.HIGH, *, since: datetime = NOW, criticality: Criticality = Criticality.HIGH
) -> Burden:
    world = World([advisory(name, "a", 0, 2)], {}, NOW)
    [match] = matches_among(answers(["pkg:npm/a@1"], world.advisories))
    return Burden("web", "1", criticality, replace(match, severity=severity), since)


def test_the_score_is_the_product_that_the_formula_names() -> None:
    known = {"CVE-1": Exploitation(vulnerability="CVE-1", exploited_since=NOW, epss="0.5")}
    plainly = score(burden("CVE-1"), World((), {}, NOW))
    assert (plainly.severity, plainly.criticality, plainly.exploitation, plainly.urgency, plainly.risk) == (
        *(7.0, 3.0, 1.0, 1.0),
        21.0,
    )
    loudly = score(burden("CVE-1", Severity.CRITICAL, criticality=Criticality.CRITICAL), World((), known, NOW))
    assert (loudly.exploitation, loudly.urgency, loudly.risk) == (8.0, 2.0, 640.0)
    late = score(burden("CVE-1", since=NOW - timedelta(days=15)), World((), {}, NOW))
    assert (late.urgency, late.risk) == (3.0, 63.0)


def test_an_upgrade_that_only_trades_flaws_is_no_step() -> None:
    trades = [advisory("A-1", "a", 0, 2), advisory("A-2", "a", 2, None, "CRITICAL")]
    world = World(trades, {}, NOW)
    [step] = plan(burdens({("web", "1"): frozenset({"pkg:npm/a@1"})}, world), world)
    assert (step.to_version, step.removes) == (None, 0.0)


def test_the_lowest_version_that_leaves_least_is_taken() -> None:
    known = [advisory("A-1", "a", 0, 2), advisory("A-2", "a", 0, 4), advisory("A-3", "a", 5, 6)]
    world = World(known, {}, NOW)
    [step] = plan(burdens({("web", "1"): frozenset({"pkg:npm/a@1"})}, world), world)
    assert step.to_version == "4"
