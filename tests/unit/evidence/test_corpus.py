"""Real documents of real tools, counted; needs the corpus beside the repository or in HALLMARK_CORPUS."""

from __future__ import annotations

import base64
import collections
import json
import lzma
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.facts import SbomFacts, UnreadableFacts, VexFacts
from services.evidence.domain import kinds
from shared.errors import Invalid
from shared.trust import statement
from shared.trust.roots import TrustedKey, TrustRoot
from shared.trust.verification import Problem, Unverified, Verified, judge
from tests.support.counts import say

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"


def _golden(folder: str) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    for name, counted in json.loads((CORPUS / folder / "give" / "stats.json").read_bytes()).items():
        path = CORPUS / folder / "give" / name
        if path.is_file():
            yield name, path.read_bytes(), counted


def _read(predicate_type: str, data: bytes) -> kinds.Reading:
    """As a statement would carry it: an object of JSON as it is, anything else wrapped."""
    try:
        return kinds.read(predicate_type, json.loads(data.decode("utf-8")), NOW)
    except ValueError:
        return kinds.read(predicate_type, {"content": base64.b64encode(data).decode()}, NOW)


def test_the_cyclonedx_conformance_suite_gets_its_published_verdicts() -> None:
    folder = CORPUS / "04-sbom-cyclonedx/give/spec-conformance"
    count: collections.Counter[str] = collections.Counter()
    for name, verdict in json.loads((folder / "expected.json").read_bytes()).items():
        facts = _read(CYCLONEDX, (folder / name).read_bytes()).facts
        if isinstance(facts, UnreadableFacts):
            assert facts.where, name
            assert facts.problem, name
        assert isinstance(facts, SbomFacts | VexFacts) is (verdict == "valid"), (name, facts)
        count[f"{verdict} {Path(name).suffix}"] += 1
    say("CycloneDX conformance", dict(count))
    assert count.total() >= 390


def test_every_real_cyclonedx_document_has_its_golden_totals() -> None:
    total: collections.Counter[str] = collections.Counter()
    for name, data, counted in _golden("04-sbom-cyclonedx"):
        reading = _read(CYCLONEDX, data)
        if isinstance(reading.facts, VexFacts):
            total["vex"] += 1
            continue
        assert isinstance(reading.facts, SbomFacts), (name, reading.facts)
        with_purl = sum(counted["purl_types"].values())
        assert (
            reading.facts.spec_version,
            reading.facts.listed_count,
            reading.facts.unidentified_count,
            reading.facts.relationship_count,
        ) == (
            counted["spec"],
            counted["components_all"],
            counted["components_all"] - with_purl,
            counted["dependencies"],
        )
        assert bool(with_purl) <= reading.facts.component_count <= with_purl, name
        assert len(reading.components) == reading.facts.component_count
        types = {one.purl.partition("/")[0].removeprefix("pkg:") for one in reading.components}
        assert types == set(counted["purl_types"]), name
        total += collections.Counter(documents=1, components=reading.facts.listed_count, purls=with_purl)
        total += collections.Counter(edges=reading.facts.dependency_count)
    say("CycloneDX golden totals", dict(total))
    assert total["documents"] >= 35


def test_cyclonedx_in_xml_says_what_its_json_twin_says() -> None:
    folder = CORPUS / "04-sbom-cyclonedx/give"
    pairs = [
        (path.with_suffix(".json"), path)
        for path in sorted(folder.rglob("*.xml"))
        if path.with_suffix(".json").is_file() and path.name.startswith("valid-dependency")
    ]
    pairs.append((folder / "bom-examples/SBOM__juice-shop__v11.1.2__bom.json",) * 2)
    pairs[-1] = (pairs[-1][0], pairs[-1][0].with_suffix(".xml"))
    for in_json, in_xml in pairs:
        one, other = (_read(CYCLONEDX, path.read_bytes()) for path in (in_json, in_xml))
        assert [found.purl for found in one.components] == [found.purl for found in other.components], in_xml
        assert isinstance(one.facts, SbomFacts)
        assert isinstance(other.facts, SbomFacts)
        assert one.facts.relationship_count == other.facts.relationship_count, in_xml
    say("CycloneDX twins in JSON and XML", len(pairs))


SPDX_REFUSED = {
    "real-world/guac__invalid-spdx.json": "spdxVersion",
    "real-world/guac__invalid-spdx-identifier-spdx.json": "SPDXID",
}


def test_every_real_spdx_document_has_its_golden_totals() -> None:
    total: collections.Counter[str] = collections.Counter()
    for name, data, counted in _golden("05-sbom-spdx"):
        facts = _read(SPDX, data).facts
        if isinstance(facts, UnreadableFacts):
            assert SPDX_REFUSED.get(name) == facts.where or "/invalid/" in name, (name, facts)
            total["refused"] += 1
            continue
        assert isinstance(facts, SbomFacts), name
        assert "invalid" not in name
        if "packages" in counted:
            assert (facts.listed_count, facts.relationship_count) == (counted["packages"], counted["relationships"])
        else:
            assert facts.listed_count + facts.relationship_count < counted["graph"], name
        total += collections.Counter(documents=1, packages=facts.listed_count, purls=facts.component_count)
        total += collections.Counter(relationships=facts.relationship_count, edges=facts.dependency_count)
    say("SPDX golden totals", dict(total))
    assert total["documents"] >= 40
    assert total["refused"] == 3


def test_every_other_syntax_of_spdx_is_read_or_refused_with_a_reason() -> None:
    count: collections.Counter[str] = collections.Counter()
    for path in sorted((CORPUS / "05-sbom-spdx/give").rglob("*")):
        syntax = path.name.rpartition(".")[2]
        if path.is_file() and syntax in {"spdx", "yaml", "xml", "xz"}:
            data = lzma.decompress(path.read_bytes()) if syntax == "xz" else path.read_bytes()
            facts = _read(SPDX, data).facts
            assert isinstance(facts, UnreadableFacts) is (path.parent.name == "invalid"), (path.name, facts)
            count[f"{syntax} {facts.kind}"] += 1
    say("SPDX in other syntaxes", dict(count))
    assert count.total() >= 12


def test_real_statements_are_read_or_refused_with_a_code() -> None:
    count: collections.Counter[str] = collections.Counter()
    for envelope in _envelopes():
        try:
            found = statement.parse(base64.b64decode(envelope["payload"]))
        except (Invalid, ValueError) as refusal:
            count[getattr(refusal, "code", "not base64")] += 1
            continue
        facts = kinds.read(found.predicate_type, found.predicate, NOW).facts
        count[facts.kind] += 1
    assert count["provenance"] >= 100, count


def _envelopes() -> Iterator[dict[str, Any]]:
    for path in sorted((CORPUS / "03-signed-attestations/give").rglob("*")):
        if path.is_file():
            whole = path.read_bytes()
            for text in [whole] if _is_json(whole) else whole.splitlines():
                if _is_json(text):
                    yield from _inside(json.loads(text))


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _inside(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("payload"), str) and isinstance(value.get("payloadType"), str):
            yield value
        for child in value.values():
            yield from _inside(child)
    elif isinstance(value, list):
        for child in value:
            yield from _inside(child)


def test_a_real_witness_attestation_counts_only_by_its_real_key() -> None:
    folder = CORPUS / "03-signed-attestations"
    envelope = (folder / "give/witness/cdx-att.json").read_bytes()
    for key, believed in (("testpub.pem", True), ("testpub2.pem", False)):
        root = TrustRoot(
            name="witness",
            project=None,
            keys=(TrustedKey.from_text((folder / "reference/witness" / key).read_text()),),
            predicate_types=("https://witness.testifysec.com/attestation-collection/v0.1",),
            role="build",
            valid_from=datetime(2020, 1, 1, tzinfo=UTC),
        )
        answer = judge(envelope, [root], NOW)
        assert isinstance(answer, Verified) is believed
        if isinstance(answer, Unverified):
            assert answer.problem is Problem.NO_TRUSTED_SIGNATURE
