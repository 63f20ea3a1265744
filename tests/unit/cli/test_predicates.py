from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.facts import CoverageFacts, TestFacts
from services.cli.commands.predicates import SHORT_NAMES, predicate_of
from services.evidence.domain import kinds
from shared.errors import Invalid

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
JUNIT = b'<testsuite name="s"><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>'

COBERTURA = b'<coverage lines-covered="3" lines-valid="4"/>'
JACOCO = b'<report name="r"><counter type="LINE" missed="1" covered="3"/></report>'
LCOV = b"TN:\nSF:a.c\nLF:4\nLH:3\nend_of_record\n"
COVERAGE_PY = {"meta": {}, "files": {}, "totals": {"covered_lines": 3, "missing_lines": 1, "num_statements": 4}}
TRIVY = {"SchemaVersion": 2, "Results": [{}]}
TEST_RESULT = {"result": "PASSED", "configuration": [], "passedTests": ["a"]}


def written(folder: Path, content: bytes | dict[str, Any] | list[Any]) -> Path:
    path = folder / "report"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_junit_is_signed_as_it_is_or_converted_and_says_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, JUNIT)
    raw = kinds.read(SHORT_NAMES["junit"], predicate_of(path, "junit"), NOW).facts
    converted = kinds.read(SHORT_NAMES["test-result"], predicate_of(path, "test-result"), NOW).facts
    assert isinstance(raw, TestFacts)
    assert isinstance(converted, TestFacts)
    assert (raw.result, raw.passed, raw.failed) == (converted.result, converted.passed, converted.failed)
    assert (raw.result, raw.passed, raw.failed) == ("failed", 1, 1)


def test_a_json_object_is_the_predicate_and_a_list_is_wrapped(tmp_path: Path) -> None:
    log = {"version": "2.1.0", "runs": []}
    assert predicate_of(written(tmp_path, log), "sarif") == log
    project = {"ok": True, "vulnerabilities": [], "packageManager": "npm"}
    predicate = predicate_of(written(tmp_path, [project]), "snyk")
    assert predicate["mediaType"] == "application/json"
    assert kinds.read(SHORT_NAMES["snyk"], predicate, NOW).facts.kind == "vulnerabilities"


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    log = {"version": "2.1.0", "runs": []}
    assert predicate_of(written(tmp_path, b"\xef\xbb\xbf" + json.dumps(log).encode()), "sarif") == log
    predicate = predicate_of(written(tmp_path, b"\xef\xbb\xbf" + JUNIT), "junit")
    assert kinds.read(SHORT_NAMES["junit"], predicate, NOW).facts.kind == "tests"


def test_bandit_reports_are_converted(tmp_path: Path) -> None:
    finding = {"test_id": "B101", "filename": "a/b.py", "line_number": 3, "issue_severity": "LOW"}
    report = {"generated_at": "2026-11-20T10:00:00Z", "metrics": {}, "results": [finding]}
    facts = kinds.read(SHORT_NAMES["vulns"], predicate_of(written(tmp_path, report), "vulns"), NOW).facts
    assert facts.kind == "vulnerabilities"
    assert facts.vulnerabilities[0].id == "B101:b.py:3"


@pytest.mark.parametrize(
    ("content", "type_name", "code"),
    [
        (JUNIT, "trx", "predicate_mismatched"),
        (JUNIT, "sarif", "predicate_unreadable"),
        (b"<testsuites>", "junit", "predicate_unreadable"),
        (b'<!DOCTYPE a [<!ENTITY a "b">]><testsuite>&a;</testsuite>', "junit", "predicate_unreadable"),
        (b"<testsuites/>", "test-result", "tests_absent"),
        (b"{", "spdx", "predicate_unreadable"),
        (b"none", "trivy", "predicate_unreadable"),
        (b'{"runs": 1, "runs": 2}', "sarif", "predicate_unreadable"),
        ({"matches": []}, "trivy", "predicate_mismatched"),
        ([], "grype", "predicate_mismatched"),
        ({}, "junit", "predicate_mismatched"),
        (JUNIT, "cobertura", "predicate_mismatched"),
        (COBERTURA, "jacoco", "predicate_mismatched"),
        (COBERTURA, "coverage-py", "predicate_unreadable"),
        (COBERTURA, "lcov", "predicate_unreadable"),
        (b"TN:\n", "lcov", "predicate_mismatched"),
        ({"totals": {}}, "lcov", "predicate_mismatched"),
        ({"totals": {}}, "cobertura", "predicate_mismatched"),
        ({"meta": {}}, "coverage-py", "predicate_mismatched"),
    ],
)
def test_what_is_not_what_it_is_called_is_not_signed(
    tmp_path: Path, content: bytes | dict[str, Any] | list[Any], type_name: str, code: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        predicate_of(written(tmp_path, content), type_name)
    assert refusal.value.code == code


def test_every_short_name_is_a_type_that_the_evidence_service_reads() -> None:
    assert [name for name, uri in SHORT_NAMES.items() if kinds.kind_of_type(uri) is None] == []


def test_a_full_uri_is_checked_like_its_short_name(tmp_path: Path) -> None:
    path = written(tmp_path, {"matches": []})
    with pytest.raises(Invalid):
        predicate_of(path, SHORT_NAMES["trivy"])
    assert predicate_of(path, "https://example.com/own") == {"matches": []}


@pytest.mark.parametrize(
    ("content", "type_name"),
    [(COBERTURA, "cobertura"), (JACOCO, "jacoco"), (LCOV, "lcov"), (COVERAGE_PY, "coverage-py")],
)
def test_coverage_is_signed_as_the_tool_wrote_it(
    tmp_path: Path, content: bytes | dict[str, Any], type_name: str
) -> None:
    predicate = predicate_of(written(tmp_path, content), type_name)
    facts = kinds.read(SHORT_NAMES[type_name], predicate, NOW).facts
    assert isinstance(facts, CoverageFacts)
    assert (facts.lines, facts.lines_covered, facts.lines_total) == (75.0, 3, 4)


@pytest.mark.parametrize(
    ("content", "type_name"),
    [
        (JUNIT, "junit"),
        (JUNIT, "test-result"),
        (LCOV, "lcov"),
        (COVERAGE_PY, "coverage-py"),
        (TRIVY, "trivy"),
        ([{"ok": True, "vulnerabilities": []}], "snyk"),
        (TEST_RESULT, "test-result"),
        ({"environment": "eu", "deployed_at": "2026-11-20T10:00:00Z"}, "deployment"),
        ({"a": 1}, "urn:free"),
        ({"a": 1, "stage": "qa"}, "urn:free"),
    ],
)
def test_a_stage_is_signed_along_and_changes_nothing_else(
    tmp_path: Path, content: bytes | dict[str, Any] | list[Any], type_name: str
) -> None:
    path = written(tmp_path, content)
    uri = SHORT_NAMES.get(type_name, type_name)
    without, predicate = predicate_of(path, type_name), predicate_of(path, type_name, "qa")
    assert predicate["stage"] == "qa"
    facts = kinds.read(uri, predicate, NOW).facts
    assert facts.kind not in {"unreadable", "sbom"}
    if facts.kind not in {"other", "deployment"}:
        assert facts == kinds.read(uri, without, NOW).facts


@pytest.mark.parametrize(
    ("content", "type_name", "stage", "code"),
    [
        (JUNIT, "junit", "Q A", "stage_malformed"),
        ({"bomFormat": "CycloneDX"}, "cyclonedx", "qa", "stage_unplaceable"),
        ({"bomFormat": "CycloneDX"}, "https://cyclonedx.org/bom/v1.5", "qa", "stage_unplaceable"),
        ({"spdxVersion": "SPDX-2.3"}, "spdx", "qa", "stage_unplaceable"),
        ({"statements": []}, "openvex", "qa", "stage_unplaceable"),
        ({"buildDefinition": {}}, "provenance", "qa", "stage_unplaceable"),
        ({"scanner": {}}, "cosign-vuln", "qa", "stage_unplaceable"),
        ({"environment": "eu", "stage": "prod"}, "deployment", "qa", "stage_contradictory"),
        ({"stage": None}, "urn:free", "qa", "stage_contradictory"),
    ],
)
def test_a_stage_without_a_place_is_refused(
    tmp_path: Path, content: bytes | dict[str, Any], type_name: str, stage: str, code: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        predicate_of(written(tmp_path, content), type_name, stage)
    assert refusal.value.code == code
