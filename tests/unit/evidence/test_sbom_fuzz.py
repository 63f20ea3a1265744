"""No document makes a reader raise, and none takes long: real-shaped ones that were mutated, and plain noise.

`HALLMARK_FUZZ_EXAMPLES` raises the number of examples per test, for runs of some minutes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.facts import SbomFacts, UnreadableFacts
from services.evidence.domain.kinds import Reading
from tests.unit.evidence.sbom_documents import CYCLONEDX, RDF, SPDX, TAG_VALUE, a_bom_in_xml, read
from tests.unit.evidence.test_sbom_cyclonedx import XML_BODY, as_json
from tests.unit.evidence.test_sbom_spdx import THREE, TWO

pytestmark = pytest.mark.thorough

IN_SHORT = 60
EXAMPLES = int(os.environ.get("HALLMARK_FUZZ_EXAMPLES", IN_SHORT))
# Only long runs ask how long an example takes: elsewhere a busy machine would fail them.
fuzzed = settings(
    max_examples=EXAMPLES, deadline=2_000 if EXAMPLES > IN_SHORT else None, suppress_health_check=list(HealthCheck)
)

SEEDS: dict[str, tuple[str, dict[str, Any]]] = {
    "cyclonedx": (CYCLONEDX, as_json()),
    "spdx2": (SPDX, TWO),
    "spdx3": (SPDX, THREE),
}
TEXTS = {
    "xml": (CYCLONEDX, a_bom_in_xml(XML_BODY)),
    "tag-value": (SPDX, TAG_VALUE),
    "yaml": (SPDX, yaml.safe_dump(TWO)),
    "rdf": (SPDX, RDF),
    "json": (SPDX, json.dumps(THREE)),
}
WORDS = st.sampled_from(
    ["", "MIT", "pkg:npm/a@1", "pkg:", "app", "SPDXRef-0", "urn:app", "DEPENDS_ON", "dependsOn", "NONE", "1.6", "\x00"]
) | st.text(st.characters(codec="utf-8"), max_size=12)
NOISE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def _well_formed(reading: Reading) -> None:
    assert isinstance(reading.facts, SbomFacts | UnreadableFacts)
    if isinstance(reading.facts, SbomFacts):
        assert reading.facts.component_count == len(reading.components)
        assert reading.facts.unidentified_count <= reading.facts.listed_count
        known = {one.purl for one in reading.components}
        assert all(known.issuperset(one.depends_on) for one in reading.components)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in inside for place in _places(child, (*path, key)))]


def _changed(value: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    whole = json.loads(json.dumps(value))
    parent = whole
    for step in path[:-1]:
        parent = parent[step]
    change(parent, path[-1])
    return whole


@pytest.mark.parametrize("name", SEEDS)
@fuzzed
@given(data=st.data())
def test_mutated_objects_are_read_or_refused(name: str, data: st.DataObject) -> None:
    predicate_type, document = SEEDS[name]
    for _ in range(data.draw(st.integers(1, 4))):
        places = [place for place in _places(document) if place]
        if not places:
            break
        place = data.draw(st.sampled_from(places))
        if data.draw(st.booleans()):
            document = _changed(document, place, lambda parent, key: parent.pop(key))
        else:
            value = data.draw(NOISE)
            document = _changed(document, place, lambda parent, key: parent.__setitem__(key, value))  # noqa: B023 - called at once
    _well_formed(read(predicate_type, document))


@pytest.mark.parametrize("name", TEXTS)
@fuzzed
@given(data=st.data())
def test_mutated_texts_are_read_or_refused(name: str, data: st.DataObject) -> None:
    predicate_type, text = TEXTS[name]
    whole = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at, length = data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, 30))
        start = data.draw(st.integers(0, len(whole)))
        whole[at : at + length] = data.draw(st.binary(max_size=4)) + whole[start : start + length]
    _well_formed(read(predicate_type, bytes(whole)))


@pytest.mark.parametrize("predicate_type", [CYCLONEDX, SPDX])
@fuzzed
@given(document=st.dictionaries(WORDS, NOISE, max_size=5))
def test_noise_in_json_is_refused(predicate_type: str, document: dict[str, Any]) -> None:
    assert isinstance(read(predicate_type, document).facts, UnreadableFacts)


@pytest.mark.parametrize("predicate_type", [CYCLONEDX, SPDX])
@fuzzed
@given(
    start=st.sampled_from([b"", b"<bom>", b"SPDXVersion: SPDX-2.3\n", b"spdxVersion: a\n", b"{", b"\xff\xfe"]),
    noise=st.binary(max_size=300)
    | st.text(st.sampled_from("<>/&;:=\"' \n-[]{}!*&?|%@abt"), max_size=200).map(str.encode),
)
def test_noise_in_bytes_is_refused(predicate_type: str, start: bytes, noise: bytes) -> None:
    assert isinstance(read(predicate_type, start + noise).facts, UnreadableFacts)
