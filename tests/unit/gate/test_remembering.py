"""What a dossier remembers for its rules changes no answer: it is judged as if it had never been judged before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.circumstances import WaivedSubject, WaiverFacts
from contracts.facts import EvidenceItem, Facts
from contracts.vocabulary import GateKind, Outcome, Severity
from shared.policy.dossier import Dossier, may_be, order_of
from shared.policy.house_rules import Passage
from shared.policy.policy import Policy
from shared.policy.verdict import DecisionContext, decide
from tests.unit.gate.gate_builders import (
    IMAGE,
    NOW,
    VERSION,
    WHEEL,
    dossier,
    failed,
    granted_waiver,
    item,
    passed,
    policy,
    rule,
    sbom,
    scan,
    unreadable,
)

SUBJECTS = (VERSION, WHEEL, IMAGE)
PROD = (Passage(stage="prod", gate=GateKind.ENTRY),)
FACTS: st.SearchStrategy[Facts] = st.sampled_from(
    [passed(), failed(), sbom(), scan(), scan(high=1, low=2), scan(low=1), unreadable()]
)
RULES = st.sampled_from(
    [
        rule("tests_passed"),
        rule("tests_passed", signer_role="build"),
        rule("tests_passed", max_age="2d"),
        rule("required_evidence", evidence="sbom", max_age="1d"),
        rule("required_evidence", evidence="sbom", min_signers=2),
        rule("required_evidence", predicate_type="https://cyclonedx.org/bom"),
        rule("composition", covered_by=["tests"], individually=True),
        rule("composition", covered_by=["tests"]),
        rule("vulnerability_limit", max={"high": 0}),
        rule("vulnerability_limit", max={"low": 0}),
        rule("vulnerability_limit", max={"low": 1}, grace={"low": "3d"}),
    ]
)


@st.composite
def items(draw: st.DrawFn) -> EvidenceItem:
    return item(
        f"e{draw(st.integers(0, 10**6))}",
        draw(FACTS),
        role=draw(st.sampled_from(["test", "build"])),
        age=timedelta(hours=draw(st.integers(0, 100))),
        subjects=(draw(st.sampled_from(SUBJECTS)),),
        distrusted=draw(st.booleans()),
    )


def waiver(rule_id: str) -> WaiverFacts:
    subject = WaivedSubject(vulnerability="CVE-high-0")
    return granted_waiver(rule_id, subject, waiver_id=f"w-{rule_id}", policy="p0", max_severity=Severity.HIGH)


def policies(rules: list[dict[str, object]]) -> list[Policy]:
    return [policy({**one, "id": f"r{place}"}, name=f"p{place}") for place, one in enumerate(rules)]


@pytest.mark.thorough
@settings(deadline=None)
@given(
    st.lists(items(), unique_by=lambda one: one.evidence_id, max_size=8),
    st.lists(RULES, min_size=1, max_size=4),
    st.lists(st.integers(-50, 50), min_size=2, max_size=3),
)
def test_one_dossier_under_many_rules_at_many_times(
    pieces: list[EvidenceItem], rules: list[dict[str, object]], hours: list[int]
) -> None:
    base = dossier(*pieces, artifacts=(WHEEL, IMAGE))
    known = replace(base, circumstances=base.circumstances.model_copy(update={"waivers": (waiver("r0"),)}))
    for hour in hours:
        at = NOW + timedelta(hours=hour)
        for one in policies(rules):
            fresh: Dossier = replace(known)
            context = DecisionContext("v", "rita")
            assert decide([one], known, PROD, context, at) == decide([one], fresh, PROD, context, at)


@given(st.lists(items(), unique_by=lambda one: one.evidence_id, max_size=8))
def test_what_may_be_of_a_kind_is_found_by_age(pieces: list[EvidenceItem]) -> None:
    known = dossier(*pieces, artifacts=(WHEEL, IMAGE))
    for kind in ("tests", "sbom", "vulnerabilities", "vex"):
        expected = sorted((one for one in known.verified if may_be(one, kind)), key=order_of)
        assert list(known.that_may_be(kind)) == expected


def test_evidence_gets_too_old_in_a_dossier_that_was_judged_before() -> None:
    known = dossier(item("e1", passed(), subjects=(WHEEL,)))
    [young] = policies([rule("tests_passed", max_age="2d")])
    context = DecisionContext("v", "rita")
    outcomes = [decide([young], known, PROD, context, NOW + timedelta(days=days)).outcome for days in (0, 3, 0)]
    assert outcomes == [Outcome.ALLOW, Outcome.PENDING, Outcome.ALLOW]


def test_evidence_about_each_artifact_is_asked_for_beside_evidence_about_the_whole() -> None:
    known = dossier(item("e1", passed()))
    rules = [rule("composition", covered_by=["tests"]), rule("composition", covered_by=["tests"], individually=True)]
    context = DecisionContext("v", "rita")
    outcomes = [decide([one], known, PROD, context, NOW).outcome for one in policies(rules)]
    assert outcomes == [Outcome.ALLOW, Outcome.PENDING]
