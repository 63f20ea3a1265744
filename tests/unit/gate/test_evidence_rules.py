"""`required_evidence`, `tests_passed` and `vulnerability_limit`, with the coverage they share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.facts import (
    DeploymentFacts,
    EvidenceItem,
    Facts,
    SummaryFacts,
    TestFacts,
    UnreadableFacts,
    VexFacts,
    VulnerabilityFacts,
)
from contracts.vocabulary import Outcome, Severity
from shared.policy.rules import RuleAnswer, check
from tests.unit.gate.gate_builders import (
    IMAGE,
    NOW,
    SBOM_TYPE,
    SCAN_TYPE,
    VERSION,
    WHEEL,
    context_for,
    dossier,
    failed,
    item,
    passed,
    rule,
    rule_of,
    sbom,
    scan,
    signer,
    unreadable,
)

OLD = timedelta(days=8)
OLDER = timedelta(days=9)


def answer(written: dict[str, Any], *items: EvidenceItem, artifacts: tuple[str, ...] = (WHEEL,)) -> RuleAnswer:
    held = dossier(*items, artifacts=artifacts)
    return check(rule_of(written), held, context_for(held))


SBOM = rule("required_evidence", evidence="sbom", signer_role="build")
TESTS = rule("tests_passed", signer_role="test", max_age="7d", min_passed=5)
LIMIT = rule("vulnerability_limit", signer_role="scanner", max={"critical": 0, "high": 1})
GOOD = [
    (SBOM, item("e1", sbom(), role="build")),
    (TESTS, item("e1", passed())),
    (LIMIT, item("e1", scan(high=1, low=7), role="scanner")),
]


@pytest.mark.parametrize(("written", "good"), GOOD)
def test_good_evidence_allows_and_is_named(written: dict[str, Any], good: EvidenceItem) -> None:
    given = answer(written, good)
    assert (given.outcome, given.evidence, given.remedy) == (Outcome.ALLOW, ("e1",), "")


@pytest.mark.parametrize(("written", "good"), GOOD)
@pytest.mark.parametrize(
    "change",
    [
        {"verified": False, "signers": (), "problem": "no_trusted_signature"},
        {"subjects": (IMAGE,)},
        {"signers": (signer("intruder"),)},
        {"signers": ()},
    ],
)
def test_what_does_not_count_is_as_good_as_absent(
    written: dict[str, Any], good: EvidenceItem, change: dict[str, Any]
) -> None:
    absent = answer(written)
    assert absent.outcome is Outcome.PENDING
    assert absent.awaits in {"sbom", "tests", "vulnerabilities"}
    assert WHEEL in absent.observed
    assert absent.remedy
    assert answer(written, good.model_copy(update=change)) == absent


@pytest.mark.parametrize(("written", "good"), GOOD)
def test_the_newest_that_cannot_be_read_denies(written: dict[str, Any], good: EvidenceItem) -> None:
    broken = good.model_copy(update={"evidence_id": "e2", "facts": unreadable(), "made_at": NOW})
    given = answer(written, good, broken)
    assert (given.outcome, given.evidence) == (Outcome.DENY, ("e2",))
    assert "$.result" in given.observed


def test_every_artifact_must_be_covered_or_the_version_as_a_whole() -> None:
    wheel = item("e1", sbom(), role="build", subjects=(WHEEL,))
    image = item("e2", sbom(), role="build", subjects=(IMAGE,))
    whole = item("e3", sbom(), role="build", subjects=(VERSION,))
    both = (WHEEL, IMAGE)
    partly = answer(SBOM, wheel, artifacts=both)
    assert (partly.outcome, IMAGE in partly.observed, WHEEL in partly.observed) == (Outcome.PENDING, True, False)
    assert answer(SBOM, wheel, image, artifacts=both).outcome is Outcome.ALLOW
    assert answer(SBOM, whole, artifacts=both).outcome is Outcome.ALLOW
    assert answer(SBOM, artifacts=()).outcome is Outcome.PENDING


def test_a_good_result_for_the_version_does_not_replace_a_bad_one_for_an_artifact() -> None:
    bad = item("e1", failed(), subjects=(WHEEL,), age=OLD)
    assert answer(TESTS, bad, item("e2", passed())).evidence == ("e1",)
    assert answer(TESTS, bad, item("e2", passed(), subjects=(WHEEL,))).outcome is Outcome.ALLOW


def test_only_newer_evidence_replaces_a_denial() -> None:
    bad = item("e2", failed(), age=timedelta(hours=2))
    assert answer(TESTS, bad, item("e1", passed(), age=timedelta(hours=3))).outcome is Outcome.DENY
    assert answer(TESTS, bad, item("e1", passed(), age=timedelta(hours=1))).outcome is Outcome.ALLOW
    late_report_of_old_run = item("e1", passed(), age=timedelta(hours=3), received_at=NOW)
    assert answer(TESTS, bad, late_report_of_old_run).outcome is Outcome.DENY
    same_time = item("e1", passed(), age=timedelta(hours=2), received_at=NOW)
    assert answer(TESTS, bad, same_time).outcome is Outcome.ALLOW


def test_another_predicate_type_or_another_signer_does_not_replace_a_denial() -> None:
    bad = item("e2", failed(), age=OLD)
    other_type = item("e1", passed(), predicate_type="https://example.org/junit")
    assert answer(TESTS, bad, other_type).evidence == ("e2",)
    assert answer(TESTS, bad, item("e1", passed(), role="build")).evidence == ("e2",)


def test_another_signer_cannot_hide_good_evidence() -> None:
    assert answer(TESTS, item("e1", passed(), age=OLD / 2), item("e2", failed(), role="build")).evidence == ("e1",)


def test_age_takes_away_the_power_to_allow_but_not_to_deny() -> None:
    stale = answer(TESTS, item("e1", passed(), age=OLD))
    assert (stale.outcome, stale.awaits, stale.evidence) == (Outcome.PENDING, "tests", ("e1",))
    assert "7d" in stale.required
    assert answer(TESTS, item("e1", failed(), age=OLD)).outcome is Outcome.DENY


def test_32_an_old_pass_replayed_counts_for_no_other_version_and_for_its_own_only_while_it_is_young() -> None:
    young, old = item("e1", passed()), item("e1", passed(), age=OLD)
    assert answer(TESTS, young).outcome is Outcome.ALLOW
    of_another = young.model_copy(update={"subjects": (IMAGE,)})
    assert answer(TESTS, of_another) == answer(TESTS)
    assert answer(TESTS, old).outcome is Outcome.PENDING


def test_the_last_moment_is_young_enough_and_is_told() -> None:
    edge = answer(TESTS, item("e1", passed(), age=timedelta(days=7)))
    assert (edge.outcome, edge.valid_until) == (Outcome.ALLOW, NOW)
    past = answer(TESTS, item("e1", passed(), age=timedelta(days=7, microseconds=1)))
    assert (past.outcome, past.valid_until) == (Outcome.PENDING, None)


def test_validity_ends_with_the_first_artifact_that_loses_its_last_young_evidence() -> None:
    wheel_old = item("e1", passed(), subjects=(WHEEL,), age=timedelta(days=5))
    wheel_new = item("e2", passed(), subjects=(WHEEL,), age=timedelta(days=2), predicate_type="https://example.org/t")
    image = item("e3", passed(), subjects=(IMAGE,), age=timedelta(days=3))
    given = answer(TESTS, wheel_old, wheel_new, image, artifacts=(WHEEL, IMAGE))
    assert given.valid_until == NOW + timedelta(days=4)


def test_a_quorum_counts_distinct_keys_in_the_role() -> None:
    two = SBOM | {"min_signers": 2}
    one_key_twice = (signer("build", "k1"), signer("build", "k1"), signer("test", "k2"))
    assert answer(two, item("e1", sbom(), signers=one_key_twice)).outcome is Outcome.PENDING
    two_keys = (signer("build", "k1"), signer("build", "k2"))
    good = item("e1", sbom(), signers=two_keys, age=OLD)
    assert answer(two, good).outcome is Outcome.ALLOW
    assert answer(two, good, item("e2", sbom(), role="build")).outcome is Outcome.ALLOW


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("vex", VexFacts(dialect="openvex", spec_version="0.2.0", author="ada", counts={})),
        ("summary", SummaryFacts(verifier_id="v", verdict="passed", resource_uri="pkg:oci/shop")),
        ("deployment", DeploymentFacts(environment="eu-west", deployed_at=NOW)),
    ],
)
def test_further_kinds_are_asked_for_by_name(kind: str, facts: Facts) -> None:
    written = rule("required_evidence", evidence=kind)
    assert answer(written, item("e1", facts)).outcome is Outcome.ALLOW
    assert answer(written, item("e1", passed()), item("e2", sbom())).outcome is Outcome.PENDING
    unread = UnreadableFacts(where="x", problem="y", meant=kind)
    assert answer(written, item("e1", unread), item("e0", facts, age=timedelta(days=1))).outcome is Outcome.DENY


def test_evidence_is_asked_for_by_its_exact_predicate_type() -> None:
    written = rule("required_evidence", predicate_type=SBOM_TYPE)
    assert answer(written, item("e1", sbom())).outcome is Outcome.ALLOW
    near = answer(written, item("e1", sbom(), predicate_type=SBOM_TYPE + "/v1.6"))
    assert (near.outcome, near.awaits) == (Outcome.PENDING, SBOM_TYPE)


@pytest.mark.parametrize(
    "facts",
    [
        failed(),
        TestFacts(result="warned", passed=10, failed=0),
        TestFacts(result="passed", passed=10, failed=1),
        passed(4),
        passed(0),
    ],
)
def test_tests_deny_unless_all_passed_and_enough_did(facts: TestFacts) -> None:
    given = answer(TESTS, item("e1", facts))
    assert (given.outcome, given.evidence) == (Outcome.DENY, ("e1",))


def test_a_scan_beyond_a_limit_denies_and_names_the_worst_first() -> None:
    given = answer(LIMIT, item("e1", scan(low=1, high=2, critical=9), role="scanner"))
    assert given.outcome is Outcome.DENY
    assert "9 critical where 0 are tolerated, 2 high where 1 are tolerated" in given.observed
    assert "CVE-critical-0" in given.observed
    assert "CVE-low-0" not in given.observed
    assert "CVE-critical-5" not in given.observed


def test_of_a_count_and_a_list_that_disagree_the_worse_is_believed() -> None:
    listed = scan(critical=1).model_copy(update={"counts": {Severity.CRITICAL: 0}})
    counted = scan().model_copy(update={"counts": {Severity.CRITICAL: 1}})
    for facts in (listed, counted):
        assert answer(LIMIT, item("e1", facts, role="scanner")).outcome is Outcome.DENY


def test_an_empty_scan_is_a_pass_and_no_scan_is_not() -> None:
    assert answer(LIMIT, item("e1", scan(), role="scanner")).outcome is Outcome.ALLOW
    assert answer(LIMIT, item("e1", sbom(), role="scanner", predicate_type=SCAN_TYPE)).outcome is Outcome.PENDING


def test_what_one_scanner_found_is_not_hidden_by_another() -> None:
    def by(scanner: str, **found: int) -> VulnerabilityFacts:
        return scan(**found).model_copy(update={"scanner": scanner})

    old, new = timedelta(hours=2), timedelta(hours=1)
    bad = item("bad", by("pkg:generic/alpha@1", critical=1), role="scanner", age=old)
    blind = item("blind", by("pkg:generic/beta@1"), role="scanner", age=new)
    mended = item("mended", by("pkg:generic/alpha@2"), role="scanner", age=new)
    for pieces, outcome, evidence in (
        ((bad, blind), Outcome.DENY, ("bad",)),
        ((bad, mended), Outcome.ALLOW, ("mended",)),
        ((bad, blind, mended), Outcome.ALLOW, ("blind", "mended")),
    ):
        given = answer(LIMIT, *pieces)
        assert (given.outcome, given.evidence) == (outcome, evidence)
    torn = item("torn", unreadable(), role="scanner", age=timedelta(minutes=90), predicate_type=SCAN_TYPE)
    assert answer(LIMIT, blind.model_copy(update={"made_at": bad.made_at}), torn).evidence == ("torn",)
    assert answer(LIMIT, torn, blind).outcome is Outcome.ALLOW, "a newer piece that can be read takes its place"
    assert answer(LIMIT, bad, torn, blind).evidence == ("bad",)
