"""Real documents of real tools, counted; needs the corpus beside the repository or in HALLMARK_CORPUS."""

from __future__ import annotations

import base64
import collections
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.facts import SbomFacts, UnreadableFacts
from services.evidence.domain import kinds, statement
from services.evidence.domain.kinds import cyclonedx_vex
from services.evidence.domain.trust import TrustedKey, TrustRoot
from services.evidence.domain.verification import Problem, Unverified, Verified, judge
from shared.errors import Invalid

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"


def _documents(folder: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    stats = json.loads((CORPUS / folder / "give" / "stats.json").read_bytes())
    for name, counted in stats.items():
        path = CORPUS / folder / "give" / name
        if path.suffix == ".json" and path.is_file() and not path.read_bytes().startswith(b"\xff\xfe"):
            yield name, json.loads(path.read_text("utf-8-sig")), counted


def test_every_real_cyclonedx_document_is_read_with_all_its_components() -> None:
    read = 0
    for name, document, counted in _documents("04-sbom-cyclonedx"):
        if cyclonedx_vex.is_vex(document):
            continue
        reading = kinds.read(CYCLONEDX, document, NOW)
        assert isinstance(reading.facts, SbomFacts), (name, reading.facts)
        with_purl = sum(counted["purl_types"].values())
        assert reading.facts.unidentified_count == counted["components_all"] - with_purl, name
        assert bool(with_purl) <= reading.facts.component_count <= with_purl, name
        assert len(reading.components) == reading.facts.component_count
        read += 1
    assert read >= 35


def test_every_valid_document_of_the_cyclonedx_conformance_suite_is_read() -> None:
    paths = sorted((CORPUS / "04-sbom-cyclonedx/give/spec-conformance").glob("1.*/valid*.json"))
    assert len(paths) >= 100
    for path in paths:
        assert isinstance(kinds.read(CYCLONEDX, json.loads(path.read_bytes()), NOW).facts, SbomFacts), path.name


def test_every_real_spdx_2_document_is_read_and_no_other() -> None:
    count: collections.Counter[str] = collections.Counter()
    for name, document, counted in _documents("05-sbom-spdx"):
        reading = kinds.read(SPDX, document, NOW)
        if document.get("spdxVersion") in {"SPDX-2.2", "SPDX-2.3"}:
            assert isinstance(reading.facts, SbomFacts), (name, reading.facts)
            assert bool(counted["packages"]) <= (reading.facts.component_count + reading.facts.unidentified_count)
        else:
            assert isinstance(reading.facts, UnreadableFacts), name
        count[reading.facts.kind] += 1
    assert count["sbom"] >= 25
    assert count["unreadable"] >= 15


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
            keys=(TrustedKey.from_pem((folder / "reference/witness" / key).read_text()),),
            predicate_types=("https://witness.testifysec.com/attestation-collection/v0.1",),
            role="build",
            valid_from=datetime(2020, 1, 1, tzinfo=UTC),
        )
        answer = judge(envelope, [root], NOW)
        assert isinstance(answer, Verified) is believed
        if isinstance(answer, Unverified):
            assert answer.problem is Problem.NO_TRUSTED_SIGNATURE
