"""No document makes a reader raise, hang, or say that something passed which its own text denies.

`HYPOTHESIS_MAX_EXAMPLES` makes the runs longer.
"""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.facts import MAX_LISTED, CoverageFacts, TestFacts, UnreadableFacts, VexFacts, VulnerabilityFacts
from services.evidence.domain import kinds
from tests.unit.evidence.report_builders import NOW, OPENVEX, OURS, facts_of, wrapped
from tests.unit.evidence.test_scan_reports import COSIGN, a_log, a_match, a_project, a_result, a_snyk, a_trivy
from tests.unit.evidence.test_summaries import DEPLOYMENT, SLSA02, SLSA1, a_vsa
from tests.unit.evidence.test_vex import a_bom, a_document, analysed, says

pytestmark = pytest.mark.thorough

EXAMPLES = int(os.environ.get("HYPOTHESIS_MAX_EXAMPLES", "60"))
many = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RULE = {"id": "A", "properties": {"security-severity": "9.8"}, "defaultConfiguration": {"level": "error"}}
PLACE = {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 3}}}
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        f"{OURS}/sarif/v1",
        a_log(
            a_result(ruleId="A", ruleIndex=0, kind="fail", level="error", suppressions=[{"kind": "inSource"}]),
            a_result(rule={"id": "A/b", "index": 0}, baselineState="new", locations=[PLACE], rank=1.5),
            rules=(RULE,),
            invocations=[{"executionSuccessful": True, "endTimeUtc": "2026-11-20T10:00:00Z"}],
        ),
    ),
    (
        f"{OURS}/trivy/v1",
        a_trivy({"Vulnerabilities": [{"VulnerabilityID": "x", "CVSS": {"nvd": {"V3Score": 5}}, "Severity": "LOW"}]}),
    ),
    (f"{OURS}/grype/v1", {"matches": [a_match("CVE-1", "High", purl="pkg:npm/a@1", locations=[{"path": "/"}])]}),
    (f"{OURS}/snyk/v1", a_project(a_snyk("SNYK-1", fixedIn=["2"]), uniqueCount=1, applications=[a_project()])),
    (COSIGN, {"scanner": {"result": a_log(a_result())}, "metadata": {"scanFinishedOn": "2026-11-20T10:00:00Z"}}),
    (OPENVEX, a_document(says("affected", "pkg:npm/a@1", action_statement="x"), says("fixed", "b", timestamp=None))),
    ("https://cyclonedx.org/bom", a_bom(analysed("A", "exploitable", "me", detail="x", response=["update"]))),
    ("https://slsa.dev/verification_summary/v1", a_vsa(inputAttestations=[{"digest": {"sha256": "c" * 64}}])),
    (DEPLOYMENT, {"environment": "e", "stage": "prod", "deployed_at": "2026-11-20T10:00:00Z"}),
    (
        SLSA1,
        {
            "buildDefinition": {
                "buildType": "t",
                "externalParameters": {"workflow": {"repository": "https://x/y", "ref": "r"}},
                "resolvedDependencies": [{"uri": "git+https://x/y@r", "digest": {"gitCommit": "a" * 40}}],
            },
            "runDetails": {"builder": {"id": "b"}},
        },
    ),
    (
        SLSA02,
        {
            "builder": {"id": "b"},
            "buildType": "t",
            "invocation": {"configSource": {"uri": "git+https://x/y@r", "digest": {"sha1": "a" * 40}}},
            "materials": [{"uri": "git+https://x/y@r"}],
        },
    ),
    (
        f"{OURS}/coverage-py/v1",
        {
            "meta": {},
            "files": {"a": {"summary": {"covered_lines": 3, "missing_lines": 1, "num_statements": 4}}},
            "totals": {"covered_lines": 3, "missing_lines": 1, "num_statements": 4},
        },
    ),
    (f"{OURS}/mocha/v1", {"stats": {"failures": 0}, "passes": [{}], "failures": [], "pending": []}),
)
TEXTS = st.sampled_from(
    ["", "A", "0", "-1", "1e999", "nan", "pkg:a/b@1", "pkg:", "::", "@", "/" * 50, "\ud800", "\0", "é"]
)
NUMBERS = st.sampled_from([0, -1, 1, 2**63, -(2**63), 10**400, 0.5, float("nan"), float("inf"), -0.0, 1e308])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in inner for place in _places(child, (*path, key)))]


def _changed(document: Any, place: tuple[Any, ...], change: str, value: Any) -> Any:
    if not place:
        return document
    changed = copy.deepcopy(document)
    parent = changed
    for step in place[:-1]:
        parent = parent[step]
    if change == "drop":
        del parent[place[-1]]
    elif change == "double" and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[place[-1]]))
    else:
        parent[place[-1]] = value
    return changed


def _check(predicate_type: str, predicate: dict[str, Any]) -> None:
    facts = kinds.read(predicate_type, predicate, NOW).facts
    match facts:
        case VulnerabilityFacts():
            assert len(facts.vulnerabilities) == min(MAX_LISTED, sum(facts.counts.values()))
        case TestFacts():
            assert (facts.result == "passed") <= (facts.passed > 0 and facts.failed == 0)
            assert min(facts.passed, facts.failed, facts.skipped) >= 0
        case CoverageFacts():
            assert 0 <= facts.lines <= 100
        case VexFacts():
            assert len(facts.statements) == min(MAX_LISTED, sum(facts.counts.values()))
        case UnreadableFacts():
            assert facts.problem


def test_the_samples_are_read() -> None:
    assert [name for name, sample in SAMPLES if facts_of(name, sample).kind in ("unreadable", "other")] == []


@pytest.mark.parametrize(("predicate_type", "sample"), SAMPLES, ids=[name for name, _ in SAMPLES])
@many
@given(data=st.data())
def test_no_change_of_a_document_makes_its_reader_raise(
    predicate_type: str, sample: dict[str, Any], data: st.DataObject
) -> None:
    changed: Any = sample
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.sampled_from(_places(changed)))
        change = data.draw(st.sampled_from(["drop", "double", "replace"]))
        changed = _changed(changed, place, change, data.draw(VALUES))
    _check(predicate_type, changed)


@many
@given(st.sampled_from([name for name, _ in SAMPLES]), st.dictionaries(st.text(max_size=6), VALUES) | VALUES)
def test_no_text_in_a_wrapper_makes_a_reader_raise(predicate_type: str, value: Any) -> None:
    _check(predicate_type, wrapped(json.dumps(value)))
    _check(predicate_type, {"Data": value})


NAMES = st.sampled_from(
    [
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "error",
        "skipped",
        "flakyFailure",
        "test-results",
        "test-run",
        "test-suite",
        "test-case",
        "assemblies",
        "assembly",
        "test",
        "errors",
        "TestRun",
        "UnitTestResult",
        "Counters",
        "ResultSummary",
    ]
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["tests", "failures", "errors", "failed", "result", "success", "outcome", "executed", "status"]),
    st.sampled_from(["", "0", "1", "7", "-1", "x", "9" * 30, "Passed", "Failed", "true", "False", "Pass", "Aborted"]),
    max_size=4,
)


def _element(name: str, attributes: dict[str, str], children: list[str]) -> str:
    written = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{written}>{''.join(children)}</{name}>"


ELEMENTS = st.recursive(
    st.builds(_element, NAMES, ATTRIBUTES, st.just([])),
    lambda inner: st.builds(_element, NAMES, ATTRIBUTES, st.lists(inner, max_size=4)),
    max_leaves=12,
)


@many
@given(ELEMENTS)
def test_no_report_of_tests_makes_its_reader_raise(document: str) -> None:
    _check(f"{OURS}/junit/v1", wrapped(document))


@many
@given(ELEMENTS, st.data())
def test_no_broken_bytes_make_the_reader_of_tests_raise(document: str, data: st.DataObject) -> None:
    broken = bytearray(document.encode(data.draw(st.sampled_from(["utf-8", "utf-16", "latin-1"]))))
    for _ in range(data.draw(st.integers(1, 5))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    _check(f"{OURS}/junit/v1", wrapped(bytes(broken)))


@many
@given(st.lists(ELEMENTS, max_size=4), st.integers(0, 3), st.integers(0, 3))
def test_a_failure_listed_or_stated_is_never_a_pass(parts: list[str], failures: int, listed: int) -> None:
    cases = "<testcase><failure/></testcase>" * listed
    document = f'<testsuite failures="{failures}"><testcase/>{cases}{"".join(parts)}</testsuite>'
    facts = facts_of(f"{OURS}/junit/v1", wrapped(document))
    if failures or listed:
        assert isinstance(facts, UnreadableFacts) or (isinstance(facts, TestFacts) and facts.result == "failed")
