from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.facts import (
    MAX_TEXT,
    ApprovalFacts,
    Component,
    OtherFacts,
    ProvenanceFacts,
    TestFacts,
    UnreadableFacts,
    VulnerabilityFacts,
)
from contracts.vocabulary import Severity
from services.evidence.domain import kinds
from services.evidence.domain.kinds import packages
from shared.errors import Invalid
from shared.trust.statement import STATEMENT_TYPE, parse

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
VULNS = "https://in-toto.io/attestation/vulns/v0.2"
SLSA1 = "https://slsa.dev/provenance/v1"
SLSA02 = "https://slsa.dev/provenance/v0.2"
APPROVAL = "https://hallmark.dev/attestation/approval/v1"
KNOWN = (CYCLONEDX, CYCLONEDX + "/v1.5", SPDX, TESTS, VULNS, SLSA1, SLSA02, APPROVAL)


def a_scan(*results: Any, **fields: Any) -> dict[str, Any]:
    times = {"scanStartedOn": "2026-11-20T10:00:00Z", "scanFinishedOn": "2026-11-20T10:05:00.123456789Z"}
    return {"scanner": {"uri": "pkg:github/x/scan@1", "result": list(results)}, "metadata": times} | fields


def a_run(result: str, **fields: Any) -> dict[str, Any]:
    return {"result": result, "configuration": []} | fields


def problem(predicate_type: str, predicate: dict[str, Any]) -> UnreadableFacts:
    facts = kinds.read(predicate_type, predicate, NOW).facts
    assert isinstance(facts, UnreadableFacts), facts
    return facts


def test_other_types_are_kept_as_other() -> None:
    for name in ("https://example.com/x", CYCLONEDX + "/v1.5x", "https://slsa.dev/provenance/v0.1", ""):
        assert kinds.read(name, {"a": 1}, NOW).facts == OtherFacts(text='{"a":1}')


def test_a_free_predicate_travels_as_compact_json_when_it_is_short() -> None:
    assert kinds.read("urn:x", {"b": [1, 2.5, None], "a": "\u20ac\n"}, NOW).facts == OtherFacts(
        text='{"a":"\u20ac\\n","b":[1,2.5,null]}'
    )
    room = (MAX_TEXT - len('{"a":""}')) // len("\u20ac".encode())
    for longer in (0, 1):
        facts = kinds.read("urn:x", {"a": "\u20ac" * (room + longer)}, NOW).facts
        assert isinstance(facts, OtherFacts)
        assert bool(facts.text) is not bool(longer)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_predicate_never_holds_what_json_cannot_say(number: str) -> None:
    digest = "a" * 64
    head = (
        f'{{"_type": "{STATEMENT_TYPE}", "subject": [{{"digest": {{"sha256": "{digest}"}}}}], "predicateType": "urn:x"'
    )
    assert parse(f'{head}, "predicate": {{"a": 1}}}}'.encode()).predicate == {"a": 1}
    with pytest.raises(Invalid):
        parse(f'{head}, "predicate": {{"a": {number}}}}}'.encode())


def test_test_results_are_counted() -> None:
    run = a_run(
        "FAILED",
        passedTests=["a", "b"],
        warnedTests=["c"],
        failedTests=[f"t{number}" for number in range(250)],
        skippedTests=["d"],
        finishedOn="2026-11-20T10:00:00Z",
    )
    reading = kinds.read(TESTS, run, NOW)
    assert isinstance(reading.facts, TestFacts)
    assert (reading.facts.result, reading.facts.passed, reading.facts.failed) == ("failed", 3, 250)
    assert (reading.facts.skipped, len(reading.facts.failed_names)) == (1, 200)
    assert reading.claimed_at == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_a_result_may_come_without_names() -> None:
    facts = kinds.read(TESTS, a_run("PASSED", failedTests=None), NOW).facts
    assert facts == TestFacts(result="passed", passed=0, failed=0)


@pytest.mark.parametrize(
    "run",
    [
        a_run("PASSED", failedTests=["a"]),
        a_run("WARNED", failedTests=["a"]),
        a_run("passed"),
        a_run("SKIPPED"),
        {"result": "PASSED"},
        a_run("PASSED", passedTests="all"),
        a_run("PASSED", passedTests=[1]),
    ],
)
def test_a_contradictory_or_malformed_result_is_unreadable(run: dict[str, Any]) -> None:
    problem(TESTS, run)


def test_a_scan_counts_each_vulnerability_at_its_worst_rating() -> None:
    def rated(name: str, *ratings: tuple[str, str], **annotations: str) -> dict[str, Any]:
        return {
            "id": name,
            "severity": [{"method": method, "score": score} for method, score in ratings],
            "annotations": [annotations],
        }

    scan = a_scan(
        rated("CVE-1", ("nvd", "medium"), ("cvss_score", "9.8"), purl="pkg:pypi/A@1", fixed_in="2"),
        rated("CVE-2", ("cvssv3", "6.9"), ("epss", "0.97")),
        rated("CVE-3", ("epss", "0.97")),
        rated("CVE-4", ("cvss", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")),
        rated("CVE-5", ("vendor", "Important")),
        rated("CVE-6", ("cvss", "0.0")),
        rated("CVE-2", ("cvss", "7.0")),
        {"id": "CVE-7", "severity": {"method": "ghsa", "score": "LOW"}},
        {"id": "CVE-8"},
        rated("CVE-9", ("cvss", "nan"), ("cvss", "11")),
    )
    facts = kinds.read(VULNS, scan, NOW).facts
    assert isinstance(facts, VulnerabilityFacts)
    assert facts.counts == {
        Severity.CRITICAL: 1,
        Severity.HIGH: 2,
        Severity.MEDIUM: 0,
        Severity.LOW: 1,
        Severity.UNKNOWN: 4,
        Severity.NONE: 1,
    }
    first = facts.vulnerabilities[0]
    assert (first.id, first.score, first.purl, first.fixed_in) == ("CVE-1", 9.8, "pkg:pypi/a@1", "2")
    assert [found.id for found in facts.vulnerabilities[1:3]] == ["CVE-2", "CVE-5"]


def test_a_long_scan_is_counted_whole_and_listed_in_part() -> None:
    results = [{"id": f"CVE-{number}", "severity": []} for number in range(300)]
    facts = kinds.read(VULNS, a_scan(*results), NOW).facts
    assert isinstance(facts, VulnerabilityFacts)
    assert facts.counts[Severity.UNKNOWN] == 300
    assert len(facts.vulnerabilities) == 200


@pytest.mark.parametrize(
    "scan",
    [
        {"scanner": {"uri": "x"}, "metadata": {"scanFinishedOn": "2026-11-20T10:00:00Z"}},
        {"scanner": {"uri": "x", "result": None}, "metadata": {"scanFinishedOn": "2026-11-20T10:00:00Z"}},
        a_scan(metadata={}),
        a_scan({"severity": []}),
        a_scan({"id": ""}),
        a_scan({"id": "x", "severity": "high"}),
        a_scan("CVE-1"),
    ],
)
def test_a_scan_without_a_result_is_not_a_clean_one(scan: dict[str, Any]) -> None:
    problem(VULNS, scan)


def test_an_empty_scan_found_nothing_and_keeps_its_time() -> None:
    reading = kinds.read(VULNS, a_scan(), NOW)
    assert isinstance(reading.facts, VulnerabilityFacts)
    assert sum(reading.facts.counts.values()) == 0
    assert reading.claimed_at == datetime(2026, 11, 20, 10, 5, 0, 123456, tzinfo=UTC)


def test_a_claimed_time_is_never_later_than_receipt() -> None:
    assert kinds.read(VULNS, a_scan(), datetime(2026, 11, 1, tzinfo=UTC)).claimed_at == datetime(
        2026, 11, 1, tzinfo=UTC
    )


def test_provenance_names_builder_type_and_sources() -> None:
    sources = [{"uri": "git+https://x/y"}, {"uri": "git+https://x/y"}, {"digest": {}}]
    v1 = {
        "buildDefinition": {"buildType": "t", "externalParameters": {}, "resolvedDependencies": sources},
        "runDetails": {"builder": {"id": "b"}, "metadata": {"finishedOn": "2026-11-20T10:00:00Z"}},
    }
    v02 = {
        "builder": {"id": "b"},
        "buildType": "t",
        "materials": sources,
        "metadata": {"buildFinishedOn": "2026-11-20T10:00:00Z"},
    }
    expected = ProvenanceFacts(builder_id="b", build_type="t", source_uris=("git+https://x/y",))
    for name, predicate in ((SLSA1, v1), (SLSA02, v02)):
        reading = kinds.read(name, predicate, NOW)
        assert reading.facts == expected
        assert reading.claimed_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert problem(SLSA1, v02).where == "buildDefinition"
    assert problem(SLSA02, v02 | {"builder": {"id": ""}}).where == "builder.id"


@pytest.mark.parametrize(
    "fields",
    [{"decision": "maybe"}, {"approver": ""}, {"role": "boss"}, {"stage": "Prod"}, {"evidence_set": "x"}],
)
def test_an_approval_says_everything_or_nothing(fields: dict[str, str]) -> None:
    whole = {
        "decision": "rejected",
        "approver": "ada",
        "role": "security",
        "stage": "prod",
        "evidence_set": "sha256:" + "a" * 64,
    }
    assert isinstance(kinds.read(APPROVAL, whole, NOW).facts, ApprovalFacts)
    assert problem(APPROVAL, whole | fields).where == next(iter(fields))


def test_reading_never_moves_time_forward() -> None:
    later = (NOW + timedelta(days=1)).isoformat()
    assert kinds.read(TESTS, a_run("PASSED", finishedOn=later), NOW).claimed_at == NOW


@given(st.text(max_size=40) | st.text(max_size=40).map(lambda text: f"pkg:pypi/{text}"))
def test_no_text_makes_a_purl_reader_raise(text: str) -> None:
    canonical = packages.canonical_purl(text)
    if canonical is not None:
        assert Component(purl=canonical).purl == canonical
        assert packages.canonical_purl(canonical) == canonical


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    ["bomFormat", "specVersion", "components", "scanner", "result", "metadata", "builder", "runDetails", "role"]
)


@pytest.mark.thorough
@settings(max_examples=200)
@given(st.sampled_from(KNOWN), st.dictionaries(FIELDS, JSON))
def test_no_predicate_makes_a_reader_raise(predicate_type: str, predicate: dict[str, Any]) -> None:
    assert isinstance(kinds.read(predicate_type, predicate, NOW).facts, UnreadableFacts)
