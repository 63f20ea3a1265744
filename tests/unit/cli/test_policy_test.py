"""Test cases of policies are judged by the gates' own code, and what differs is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.facts import Standing
from services.cli.policies.cases import DEFAULT_AT, read_policy_test
from services.cli.policies.made_evidence import KINDS
from services.cli.policies.made_versions import make_dossier
from shared.errors import Invalid
from tests.unit.cli.policy_cases import ALLOWED, APPROVED, SCAN, TESTS, document, policy, rule, tried


def test_what_differs_is_told_with_the_findings_own_sentence() -> None:
    found = tried(
        policy(TESTS, SCAN),
        {"evidence": [{"kind": "tests", "failed": 1, "failed_names": ["test_sum"]}, {"kind": "vulnerabilities"}]},
        {"outcome": "allow", "rules": {"tests-passed": {"outcome": "allow", "says": "test_mul"}}},
    )
    says = "tests-1 says failed with 1 failed tests (test_sum)."
    assert [(one.about, one.expected, one.observed, one.says) for one in found.differences] == [
        ("outcome", "allow", "deny", f"tests-passed: {says}"),
        ("tests-passed", "allow", "deny", says),
        ("tests-passed", "says 'test_mul'", f"says {says!r}", says),
    ]


@pytest.mark.parametrize(
    ("expect", "differs"),
    [
        ({"rules": {"vulnerability-limit": {"waived": True}}}, ()),
        ({"rules": {"vulnerability-limit": {"waived": False}}}, ("expected not waived",)),
        ({"rules": {"vulnerability-limit": "allow"}}, ("expected allow",)),
        ({"rules": {"vulnerability-limit": {"announced": True}}}, ("expected announced",)),
        ({"rules": {"vulnerability-limit": {"says": "lists 1 high"}}}, ()),
        ({"rules": {"vulnerability-limit": {"says": "CVE-1 (high)"}}}, ()),
        ({"rules": {"vulnerability-limit": {"remedy": "Update the components"}}}, ()),
        ({"rules": {"vulnerability-limit": {"remedy": "Pray"}}}, ("expected advises 'Pray'",)),
        ({"may_be_trusted": True}, ("expected may be trusted",)),
        ({"governs": False}, ("expected it does not govern the gate",)),
    ],
)
def test_each_expectation_is_compared(expect: dict[str, Any], differs: tuple[str, ...]) -> None:
    given = {
        "evidence": [
            {"kind": "vulnerabilities", "about": "artifact", "vulnerabilities": [{"id": "CVE-1", "severity": "high"}]}
        ],
        "waivers": [{"rule": "vulnerability-limit", "subject": {"artifact": "artifact"}, "max_severity": "high"}],
    }
    found = tried(policy(SCAN, waivers={"trusted": False}), given, expect)
    assert tuple(f"expected {one.expected}" for one in found.differences) == differs


def test_a_case_that_the_policy_does_not_govern_tests_nothing_and_fails() -> None:
    subject = policy(TESTS, scope={"criticality": ["critical"]})
    found = tried(subject, {"criticality": "low"}, {"outcome": "deny"})
    assert [one.observed for one in found.differences] == ["it does not govern the gate"]
    assert tried(subject, {"criticality": "low"}, {"governs": False}).passed
    assert not tried(subject, {"criticality": "critical"}, {"governs": False}).passed


def test_a_policy_that_only_warns_stops_nothing() -> None:
    assert tried(policy(TESTS, mode="warn"), {}, {"outcome": "allow", "rules": {"tests-passed": "pending"}}).passed


def test_approvals_answer_for_the_evidence_of_the_case() -> None:
    subject = policy(APPROVED)
    evidence = [{"kind": "approval", "approver": "alice"}, {"kind": "sbom"}]
    assert tried(subject, {"evidence": evidence}, ALLOWED).passed
    stale = [{"kind": "approval", "evidence_set": "earlier"}]
    assert tried(subject, {"evidence": stale}, {"outcome": "pending"}).passed
    own = tried(subject, {"evidence": evidence}, {"outcome": "pending"}, requested_by="alice")
    assert own.passed


def test_moments_are_told_from_the_case_and_never_from_the_clock() -> None:
    subject = policy(SCAN, effective_on="2027-01-31")
    with pytest.raises(Invalid, match="begin to count") as undated:
        tried(subject, {}, ALLOWED)
    assert undated.value.code == "policy_test_malformed"
    announced = {"outcome": "allow", "rules": {"vulnerability-limit": {"announced": True, "outcome": "pending"}}}
    assert tried(subject, {}, announced, at="2027-01-30").passed
    assert tried(subject, {}, {"outcome": "pending"}, at="2027-01-31").passed
    ended = {"rule": "vulnerability-limit", "subject": {"artifact": "version"}, "expires_at": "1m ago"}
    assert tried(policy(SCAN), {"waivers": [ended]}, {"outcome": "pending"}).passed
    lasting = {**ended, "expires_at": "in 1m"}
    assert tried(policy(SCAN), {"waivers": [lasting]}, {"rules": {"vulnerability-limit": {"waived": True}}}).passed


def test_contained_versions_are_judged_with_the_outer_one() -> None:
    lib = {"application": "lib", "artifacts": ["so"]}
    given: dict[str, Any] = {"contained": [lib], "evidence": [{"kind": "tests", "about": "artifact"}]}
    expected = {"rules": {"tests-passed": {"outcome": "pending", "says": "about so"}}}
    assert tried(policy(TESTS), given, expected).passed
    given["evidence"].append({"kind": "tests", "about": "lib", "id": "inner"})
    assert tried(policy(TESTS), given, ALLOWED).passed
    unknown = {"unknown": ["version"], "evidence": [{"kind": "tests"}]}
    assert tried(policy(TESTS), unknown, {"outcome": "pending", "rules": {"contents_unknown": "pending"}}).passed


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_evidence_has_defaults(kind: str) -> None:
    needed = {"coverage": {"lines": 80}}.get(kind, {})
    subject = policy(rule("required_evidence", predicate_type="https://example.org/asked/v1"))
    given = {"evidence": [{"kind": kind, "predicate_type": "https://example.org/asked/v1", **needed}]}
    assert tried(subject, given, {"outcome": "deny" if kind == "unreadable" else "allow"}).passed


def test_evidence_is_what_the_gate_would_hold() -> None:
    given = {
        "evidence": [
            {"kind": "tests", "verified": False},
            {"kind": "sbom", "distrusted": True, "age": "2h", "made_for": "prod", "submitted_by": "ci"},
        ]
    }
    test = read_policy_test(document({"given": given, "expect": ALLOWED}))
    held = make_dossier(test.spec.cases[0], policy(TESTS), "prod", DEFAULT_AT, ()).dossier
    unverified, distrusted = held.items
    assert (unverified.standing, unverified.signers) == (Standing.UNVERIFIED, ())
    assert (distrusted.standing, [one.distrusted for one in distrusted.signers]) == (Standing.DISTRUSTED, [True])
    assert (distrusted.made_for, distrusted.submitted_by) == ("prod", "ci")
    assert DEFAULT_AT - distrusted.made_at == timedelta(hours=2)


def test_signers_can_be_told_one_by_one() -> None:
    subject = policy(rule("required_evidence", evidence="sbom", signer_role="build", min_signers=2))
    two = [{"role": "build", "key": "a"}, {"role": "build", "key": "b"}]
    assert tried(subject, {"evidence": [{"kind": "sbom", "signers": two}]}, ALLOWED).passed
    same = [{"role": "build", "key": "a"}, {"role": "build", "key": "a", "trust_root": "other"}]
    assert tried(subject, {"evidence": [{"kind": "sbom", "signers": same}]}, {"outcome": "pending"}).passed
