"""Reports of real tools beside the totals that others counted; needs the corpus (HALLMARK_CORPUS).

The documents that differ are named here, and explained in docs/architecture/reports.md.
"""

from __future__ import annotations

import base64
import collections
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.facts import (
    CoverageFacts,
    Facts,
    ProvenanceFacts,
    TestFacts,
    UnreadableFacts,
    VexFacts,
    VulnerabilityFacts,
)
from contracts.vocabulary import Severity
from services.evidence.domain.kinds import cyclonedx_vex
from tests.support.counts import say
from tests.unit.evidence.report_builders import OPENVEX, OURS, facts_of, run_of, scan, totals, wrapped
from tests.unit.evidence.test_corpus import _envelopes as envelopes

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
SARIF, RUNS, VEX = CORPUS / "09-sarif/give", CORPUS / "10-test-results/give", CORPUS / "08-openvex/give"

BASELINE_ABSENT = {
    "baseline/expected/TEST1007.ValidateBaseline.LessResultsThanBaseline.sarif": 1,
    "baseline/in/TEST1003.Baseline.sarif": 7,
}
"""Results that the baseline knows and the run does not have any more: they are no findings."""
WRITTEN_WRONG = {"NUnit-multinamespace.xml": (3, 0, 1, 0)}
"""A test has success="Turue": no pass here. The suites around it and the totals call it failed."""
NOT_TOLD_APART = {"tests.json": (2, 1, 2, 0)}
"""Mocha does not tell errors from failures; together they are as many."""
WITH_ENTITY = {"NUnit-sec1752-https.xml"}


def test_every_sarif_log_gets_its_published_verdict_and_total() -> None:
    count: collections.Counter[str] = collections.Counter()
    for name, verdict in json.loads((SARIF / "schema-verdicts.json").read_bytes()).items():
        facts = facts_of(f"{OURS}/sarif/v1", wrapped((SARIF / name).read_bytes()))
        count[facts.kind] += 1
        if isinstance(verdict, str) or verdict["schema"] != "valid":
            assert isinstance(facts, UnreadableFacts), name
        elif facts.kind == "other":
            assert verdict["results"] == 0, name
            assert '"results"' not in (SARIF / name).read_text("utf-8-sig"), name
        else:
            assert isinstance(facts, VulnerabilityFacts), (name, facts)
            found = sum(facts.counts.values()) + facts.suppressed
            assert found == verdict["results"] - BASELINE_ABSENT.get(name, 0), name
    say("SARIF", dict(count))
    assert (count["vulnerabilities"], count["other"], count["unreadable"]) == (100, 10, 9)


def test_scanners_reports_in_sarif_keep_ids_and_severities() -> None:
    grype = scan("sarif", wrapped((SARIF / "scanners/nginx-grype.sarif.json").read_bytes()))
    assert all(one.id.startswith("CVE-") and one.id.count("-") == 2 for one in grype.vulnerabilities)
    assert grype.counts[Severity.UNKNOWN] == 0
    trivy = scan("sarif", wrapped((SARIF / "scanners/nginx.sarif.json").read_bytes()))
    assert all(one.score is not None for one in trivy.vulnerabilities)
    track = scan("sarif", wrapped((SARIF / "scanners/deptrack__expected-all.sarif.json").read_bytes()))
    assert all(one.purl for one in track.vulnerabilities)


def _runs() -> Iterator[tuple[Path, dict[str, Any] | None]]:
    for path in sorted(RUNS.rglob("*")):
        if path.suffix in {".xml", ".trx", ".json"} and not path.name.endswith(".results.json"):
            golden = path.with_name(f"{path.stem}.results.json")
            yield path, json.loads(golden.read_bytes())["stats"] if golden.is_file() else None


def test_every_test_report_has_the_totals_that_others_counted() -> None:
    count: collections.Counter[str] = collections.Counter()
    for path, golden in _runs():
        facts = facts_of(f"{OURS}/junit/v1", wrapped(path.read_bytes()))
        count[facts.kind] += 1
        if golden is None or path.name in WITH_ENTITY:
            assert isinstance(facts, UnreadableFacts) or path.parent.name == "chainloop", (path.name, facts)
            continue
        assert isinstance(facts, TestFacts), (path.name, facts)
        expected = tuple(golden[f"runs_{one}"] for one in ("succ", "skip", "fail", "error"))
        differs = {**WRITTEN_WRONG, **NOT_TOLD_APART}.get(path.name)
        assert totals(facts) == (differs or expected), path.name
        assert (facts.result == "passed") == (facts.failed == 0), path.name
    say("test reports", dict(count))
    assert (count["tests"], count["unreadable"]) == (34, 7)
    assert totals(run_of((RUNS / "chainloop/junit.xml").read_bytes())) == (8, 0, 1, 0)


def test_real_coverage_is_read_and_an_empty_one_is_none() -> None:
    def read(name: str) -> Facts:
        return facts_of(f"{OURS}/cobertura/v1", wrapped((RUNS / "chainloop" / name).read_bytes()))

    assert read("cobertura.xml") == CoverageFacts(lines=100 * 4 / 6, branches=50.0, lines_covered=4, lines_total=6)
    assert isinstance(read("cobertura-empty.xml"), UnreadableFacts)


def test_every_openvex_document_is_read_and_no_other() -> None:
    verdicts: dict[str, str] = json.loads((VEX / "schema-verdicts.json").read_bytes())
    refused = {"guac/open-vex-affected.json"}  # Its @context is empty: nothing says that it is OpenVEX.
    count: collections.Counter[str] = collections.Counter()
    for name, verdict in verdicts.items():
        document = json.loads((VEX / name).read_bytes())
        facts = facts_of(OPENVEX, document.get("predicate", document))
        count[facts.kind] += 1
        no_openvex = verdict == "not an OpenVEX document" and "predicate" not in document
        assert isinstance(facts, UnreadableFacts if no_openvex or name in refused else VexFacts), (name, facts)
    say("OpenVEX", dict(count))
    assert (count["vex"], count["unreadable"]) == (11, 3)
    history = facts_of(OPENVEX, json.loads((VEX / "spec-examples/openvex-spec-06.json").read_bytes()))
    assert isinstance(history, VexFacts)
    assert [one.status for one in history.statements] == ["fixed"]


def test_every_cyclonedx_vex_is_read_as_vex() -> None:
    read = 0
    for path in sorted((CORPUS / "04-sbom-cyclonedx/give").rglob("*vex*.json")):
        document = json.loads(path.read_bytes())
        if cyclonedx_vex.is_vex(document):
            facts = facts_of("https://cyclonedx.org/bom", document)
            assert isinstance(facts, VexFacts), (path.name, facts)
            assert sum(facts.counts.values()) == len(document["vulnerabilities"]), path.name
            read += 1
    say("CycloneDX VEX", read)
    assert read >= 17


def test_official_predicates_of_in_toto_are_well_formed_evidence() -> None:
    count: collections.Counter[str] = collections.Counter()
    for path in sorted((CORPUS / "02-in-toto/give/spec-examples").glob("*.statement.json")):
        statement = json.loads(path.read_bytes())
        count[facts_of(statement["predicateType"], statement.get("predicate") or {}).kind] += 1
    say("in-toto examples", dict(count))
    assert count["other"] == 7
    assert count["unreadable"] == 0


def test_a_real_summary_and_real_sources_are_read() -> None:
    count: collections.Counter[str] = collections.Counter()
    for facts in _attested():
        named = isinstance(facts, ProvenanceFacts) and facts.source_commit is not None
        count["provenance with a source" if named else facts.kind] += 1
    say("attestations", dict(count))
    assert count["summary"] == 1
    assert count["provenance with a source"] >= 100


def _attested() -> Iterator[Facts]:
    for envelope in envelopes():
        statement = _statement(envelope["payload"])
        if isinstance(statement, dict) and isinstance(statement.get("predicateType"), str):
            yield facts_of(statement["predicateType"], statement.get("predicate") or {})


def _statement(payload: str) -> Any:
    try:
        return json.loads(base64.b64decode(payload))
    except ValueError:
        return None
