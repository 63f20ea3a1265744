from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

from contracts.vocabulary import Criticality, Severity
from services.monitoring.domain.matching import Match
from services.monitoring.domain.sla import due, earliest_due
from services.monitoring.domain.trust import VulnerabilityCause

SINCE = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


def days(criticality: Criticality, severity: Severity) -> float:
    return (due(criticality, severity, SINCE) - SINCE) / timedelta(days=1)


def test_the_corners_of_the_table() -> None:
    assert days(Criticality.CRITICAL, Severity.CRITICAL) == 3
    assert days(Criticality.LOW, Severity.LOW) == 180


def test_worse_is_always_sooner() -> None:
    severities = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
    criticalities = (Criticality.CRITICAL, Criticality.HIGH, Criticality.MEDIUM, Criticality.LOW)
    for criticality, (worse, milder) in product(criticalities, pairwise(severities)):
        assert days(criticality, worse) < days(criticality, milder)
    for severity, (dearer, lesser) in product(severities, pairwise(criticalities)):
        assert days(dearer, severity) < days(lesser, severity)


def test_what_nobody_said_has_its_place() -> None:
    for severity in Severity:
        assert days(Criticality.UNSPECIFIED, severity) == days(Criticality.MEDIUM, severity)
    for criticality in Criticality:
        assert days(criticality, Severity.UNKNOWN) == days(criticality, Severity.HIGH)
        assert days(criticality, Severity.NONE) == days(criticality, Severity.LOW)


def test_the_first_deadline_is_the_releases() -> None:
    def cause(severity: Severity, since: datetime) -> VulnerabilityCause:
        match = Match(advisory_id="X-1", aliases=(), component="pkg:pypi/a@1", severity=severity, fixed_in=None)
        return VulnerabilityCause(match=match, since=since)

    causes = [cause(Severity.LOW, SINCE), cause(Severity.CRITICAL, SINCE + timedelta(days=20))]
    assert earliest_due(Criticality.CRITICAL, causes) == SINCE + timedelta(days=23)
    assert earliest_due(Criticality.CRITICAL, []) is None
