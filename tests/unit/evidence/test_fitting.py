"""The longest facts that documents can give, in the largest events: each stays under what a message may have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.evidence.v1.events import EvidenceAdded, EvidenceRejudged
from contracts.facts import Facts, OtherFacts, SbomFacts, SignatureCheck, TestFacts, VulnerabilityFacts
from contracts.message import MAX_BODY
from services.evidence.domain.record import Record, record_of
from shared.crypto.sigstore.checks import Check
from shared.trust import statement as in_toto
from shared.trust.rejudging import earlier
from shared.trust.verification import Problem, Unverified
from tests.unit.evidence.report_builders import NOW, OURS, wrapped
from tests.unit.evidence.sbom_documents import CYCLONEDX, a_bom

pytestmark = pytest.mark.thorough

SIGNATURES = 16
WIDE = "\u20ac"
ESCAPED = "\x01"


def recorded(predicate_type: str, predicate: dict[str, Any], *, subjects: int = 1) -> Record:
    """The record of a statement with many long signatures."""
    check = SignatureCheck(signer="s" * 500, outcome=Check.VERIFIED.value, detail="d" * 1_500)
    statement = in_toto.parse(
        json.dumps(
            {
                "_type": in_toto.STATEMENT_TYPE,
                "subject": [{"name": "a", "digest": {"sha256": f"{number:064x}"}} for number in range(subjects)],
                "predicateType": predicate_type,
                "predicate": predicate,
            }
        ).encode()
    )
    answer = Unverified(statement, Problem.NO_TRUSTED_SIGNATURE, (check,) * SIGNATURES)
    return record_of("p" * 63, b"", answer, NOW, by="b" * 200)


def facts_in_event(record: Record) -> Facts:
    """The facts, once both events that carry them are known to be sendable."""
    item = record.item
    positions = dict.fromkeys(item.subjects, 1_000_000)
    added = EvidenceAdded(
        project="p" * 63, application="a" * 63, item=item, positions=positions, submitted_by=item.submitted_by
    )
    again = EvidenceRejudged(
        project="p" * 63,
        application="a" * 63,
        item=item,
        before=earlier(item, NOW, "r" * 63, 1),
        trust_root="r" * 63,
        trust_root_revision=1,
        positions=positions,
        at=NOW,
    )
    for event in (added, again):
        assert len(event.model_dump_json().encode()) <= MAX_BODY
    return item.facts


def a_long_bom(expressions: int, *, letter: str = "x", name: int = 1_000) -> dict[str, Any]:
    components = []
    for number in range(expressions * 20):
        licence = f"{number % expressions:03}{letter * 997}"
        purl = f"pkg:npm/{number:05}{'n' * (name - 15)}@1"
        components.append({"purl": purl, "licenses": [{"license": {"name": licence}}]})
    return a_bom(*components)


@pytest.mark.parametrize("letter", ["x", WIDE, ESCAPED])
@pytest.mark.parametrize("subjects", [1, 500])
def test_two_hundred_long_licences_of_long_components_fit(letter: str, subjects: int) -> None:
    facts = facts_in_event(recorded(CYCLONEDX, a_long_bom(200, letter=letter), subjects=subjects))
    assert isinstance(facts, SbomFacts)
    assert 0 < len(facts.licenses) < 200
    assert len(facts.licenses) + facts.unlisted_licenses == 200
    assert {(use.count, use.components) for use in facts.licenses} == {(20, ())}


def test_names_of_components_go_before_expressions() -> None:
    facts = facts_in_event(recorded(CYCLONEDX, a_long_bom(60)))
    assert isinstance(facts, SbomFacts)
    assert (len(facts.licenses), facts.unlisted_licenses) == (60, 0)
    assert {len(use.components) for use in facts.licenses} == {1}
    few = facts_in_event(recorded(CYCLONEDX, a_long_bom(5)))
    assert isinstance(few, SbomFacts)
    assert {len(use.components) for use in few.licenses} == {20}


@pytest.mark.parametrize("letter", ["x", WIDE, ESCAPED])
def test_two_hundred_long_findings_fit_and_the_worst_stay(letter: str) -> None:
    def a_match(number: int) -> dict[str, Any]:
        return {
            "vulnerability": {
                "id": f"{number:03}" + letter * 197,
                "severity": "critical" if number == 150 else "low",
                "fix": {"versions": [letter * 200]},
            },
            "relatedVulnerabilities": [{"id": f"CVE-2024-{'1' * 10}{n:04}"} for n in range(20)],
            "artifact": {"name": "a", "purl": "pkg:npm/" + "n" * 1_000, "locations": [{"path": letter * 500}]},
        }

    facts = facts_in_event(recorded(f"{OURS}/grype/v1", {"matches": [a_match(number) for number in range(300)]}))
    assert isinstance(facts, VulnerabilityFacts)
    assert sum(facts.counts.values()) == 300
    assert 10 < len(facts.vulnerabilities) < 200
    assert facts.vulnerabilities[0].severity == "critical"


def test_a_scanner_that_writes_at_length_says_what_it_found() -> None:
    long = "u" * 300_000
    result = {"id": "CVE-2024-1", "annotations": [{"fixed_in": long}]}
    predicate = {"scanner": {"uri": long, "result": [result]}, "metadata": {"scanFinishedOn": "2026-11-20T10:00:00Z"}}
    facts = facts_in_event(recorded("https://in-toto.io/attestation/vulns/v0.2", predicate))
    assert isinstance(facts, VulnerabilityFacts)
    assert len(facts.vulnerabilities) == 1


def test_names_of_failed_tests_go_before_suites() -> None:
    def a_suite(number: int) -> str:
        case = f'<testcase name="{WIDE * 300}"><failure/></testcase>'
        return f'<testsuite name="{number:03}{WIDE * 150}">{case}</testsuite>'

    document = f"<testsuites>{''.join(map(a_suite, range(300)))}</testsuites>"
    facts = facts_in_event(recorded(f"{OURS}/junit/v1", wrapped(document)))
    assert isinstance(facts, TestFacts)
    assert (facts.failed, len(facts.suites)) == (300, 200)
    assert len(facts.failed_names) < 200


def test_a_free_predicate_gives_way_to_subjects() -> None:
    predicate = {"a": "\\" * 8_000}
    beside_few = facts_in_event(recorded("urn:free", predicate))
    assert isinstance(beside_few, OtherFacts)
    assert beside_few.text
    assert facts_in_event(recorded("urn:free", predicate, subjects=1_000)) == OtherFacts()
