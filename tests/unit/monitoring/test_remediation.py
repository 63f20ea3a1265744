from __future__ import annotations

from itertools import permutations

from contracts.vocabulary import Severity
from services.monitoring.domain.matching import Match
from services.monitoring.domain.remediation import distinct, upgrades

A, B = "pkg:pypi/a@1.0", "pkg:npm/b@1.0.0"


def found(
    advisory_id: str,
    *aliases: str,
    component: str = A,
    severity: Severity = Severity.UNKNOWN,
    fixed_in: str | None = "1.1",
) -> Match:
    return Match(advisory_id=advisory_id, aliases=aliases, component=component, severity=severity, fixed_in=fixed_in)


def test_records_joined_by_aliases_are_one_flaw_in_any_order() -> None:
    linked = [
        found("PYSEC-1", "CVE-1", fixed_in="1.9"),
        found("GHSA-1", "CVE-2", severity=Severity.HIGH, fixed_in="1.10"),
        found("Z-1", "CVE-1", "CVE-2", fixed_in=None),
    ]
    joined = found("GHSA-1", "CVE-1", "CVE-2", "PYSEC-1", "Z-1", severity=Severity.HIGH, fixed_in="1.10")
    for order in permutations(linked):
        assert distinct(order) == (joined,)


def test_a_record_that_names_the_other_is_the_same_flaw() -> None:
    assert len(distinct([found("CVE-1"), found("GHSA-1", "CVE-1")])) == 1


def test_components_and_flaws_that_share_nothing_stay_apart() -> None:
    matches = [found("X-1", component=B), found("X-2"), found("X-1")]
    assert [(one.component, one.advisory_id) for one in distinct(matches)] == [(B, "X-1"), (A, "X-1"), (A, "X-2")]
    assert distinct([found("X-1"), found("X-1")]) == (found("X-1"),)


def test_the_upgrade_fixes_every_flaw_of_a_component() -> None:
    plan = upgrades([found("X-1", fixed_in="1.9"), found("X-2", fixed_in="1.10"), found("Y-1", component=B)])
    assert [(one.component, one.to_version, one.advisory_ids) for one in plan] == [
        (B, "1.1", ("Y-1",)),
        (A, "1.10", ("X-1", "X-2")),
    ]


def test_a_flaw_without_a_fix_leaves_no_upgrade() -> None:
    (plan,) = upgrades([found("X-1"), found("X-2", fixed_in=None)])
    assert plan.to_version is None
    assert plan.unfixed == ("X-2",)
    assert upgrades([]) == ()
