from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from contracts.vocabulary import Trust
from services.monitoring.domain.drift import DriftKind, Fact, Situation, Source, Standing, drifts, told

NOW = datetime(2026, 6, 1, tzinfo=UTC)
D = "sha256:" + "d" * 64


def fact(
    version: str | None = "1.0", environment: str = "prod", service: str = "api", at: int = 0, **more: Any
) -> Fact:
    said: dict[str, Any] = {
        "project": "shop",
        "application": "web",
        "environment": environment,
        "service": service,
        "removed": False,
        "version": version,
        "digests": (),
        "purl": None,
        "stage": None,
        "source": Source.CDEVENTS if service else Source.EVIDENCE,
        "by": "argo",
        "evidence_id": None,
        "at": NOW + timedelta(minutes=at),
    }
    return Fact(**said | more)


def every_order(*facts: Fact) -> set[frozenset[Fact]]:
    ends = set()
    for order in permutations(facts):
        known: tuple[Fact, ...] = ()
        for one in order:
            known = told(told(known, one), one)
        ends.add(frozenset(known))
    return ends


def test_the_latest_fact_of_each_service_counts_in_any_order() -> None:
    old, new, gone, other = fact(), fact("2.0", at=5), fact(None, at=9, removed=True), fact("3.0", service="worker")
    assert every_order(old, new, other) == {frozenset({new, other})}
    assert every_order(old, new, gone, other) == {frozenset({gone, other})}
    twins = fact("1.0"), fact("2.0")
    assert every_order(*twins) == {frozenset({twins[1]})}, "the same moment, decided the same way"


def test_evidence_without_a_service_speaks_until_a_service_is_named_later() -> None:
    tool, evidence, later = fact(at=1), fact(None, service="", at=2, digests=(D,)), fact("2.0", service="worker", at=3)
    assert every_order(tool, evidence) == {frozenset({tool, evidence})}
    assert every_order(tool, evidence, later) == {frozenset({tool, later})}
    elsewhere = fact("2.0", "qa", at=9)
    assert every_order(evidence, elsewhere) == {frozenset({evidence, elsewhere})}


def situation(*facts: Fact, trust: Trust = Trust.TRUSTED, current: bool = True, **more: Any) -> Situation:
    known: dict[str, Any] = {
        "facts": facts,
        "versions": {"1.0": ("1.0",), "2.0": ("2.0",), D: ("1.0",)},
        "releases": {"1.0": Standing(trust, current, "prod")},
        "currents": {"prod": "1.0"},
        "stages": {"qa": False, "prod": True},
        "ran": frozenset({"1.0"}),
    }
    return Situation(**known | more)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (situation(), []),
        (situation(fact()), []),
        (situation(fact(), trust=Trust.AT_RISK), []),
        (situation(fact(None, digests=(D,))), []),
        (situation(fact("9.9")), [(DriftKind.UNKNOWN, "9.9", None)]),
        (situation(fact(None, digests=("sha256:" + "e" * 64,))), [(DriftKind.UNKNOWN, "sha256:" + "e" * 64, None)]),
        (situation(fact(None)), [(DriftKind.UNKNOWN, "", None)]),
        (situation(fact(None, removed=True)), []),
        (situation(fact(), trust=Trust.REVOKED), [(DriftKind.REVOKED, "1.0", None)]),
        (situation(fact(), trust=Trust.NONE), [(DriftKind.UNTRUSTED, "1.0", None)]),
        (situation(fact("2.0")), [(DriftKind.OUTDATED, "2.0", "1.0"), (DriftKind.UNTRUSTED, "2.0", None)]),
        (situation(fact("2.0", "qa")), []),
        (situation(fact("2.0", "QA"), currents={"qa": "1.0"}), [(DriftKind.OUTDATED, "2.0", "1.0")]),
        (situation(fact("2.0", "somewhere")), [(DriftKind.UNTRUSTED, "2.0", None)]),
        (situation(fact("2.0", "eu-1", stage="qa")), []),
        (situation(fact(), currents={"prod": None}), [(DriftKind.OUTDATED, "1.0", None)]),
        (situation(fact("1.0", "qa"), ran=frozenset()), [(DriftKind.UNDEPLOYED, "1.0", None)]),
        (situation(ran=frozenset()), []),
        (situation(fact("1.0", "qa"), ran=frozenset(), current=False), []),
        (situation(fact("1.0", "qa"), ran=frozenset(), trust=Trust.NONE), []),
    ],
)
def test_each_kind_of_drift(given: Situation, expected: list[tuple[DriftKind, str, str | None]]) -> None:
    assert sorted((one.kind, one.version, one.expected) for one in drifts(given)) == sorted(
        expected, key=lambda one: (one[0], one[1])
    )


def test_of_several_versions_with_one_artifact_the_one_in_the_stage_is_meant() -> None:
    shared = situation(fact(None, digests=(D,)), versions={D: ("1.0", "2.0")})
    assert shared.version_of(fact(None, digests=(D,))) == "1.0"
    assert shared.version_of(fact(None, "qa", digests=(D,))) == "2.0"


def test_a_difference_has_one_key_whatever_is_said_about_it() -> None:
    [before] = [one for one in drifts(situation(fact("2.0"))) if one.kind is DriftKind.OUTDATED]
    [after] = [
        one for one in drifts(situation(fact("2.0"), currents={"prod": "3.0"})) if one.kind is DriftKind.OUTDATED
    ]
    assert before.key == after.key
    assert before.expected != after.expected
