"""No bit of a valid bundle can be changed unnoticed: bundles made here, and real ones where the corpus is."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.crypto import base64_text
from shared.crypto.sigstore import authority, timestamp
from shared.crypto.sigstore import bundle as bundles
from shared.crypto.sigstore.checks import CheckFailed
from shared.errors import HallmarkError, Invalid
from shared.trust.verification import Unverified, Verified, judge
from tests.support.sigstore import b64
from tests.unit.evidence import test_signed_corpus as corpus
from tests.unit.evidence.test_sigstore import KINDS, _entry, certified, judged, outcome

pytestmark = pytest.mark.thorough

SAMPLES = [certified(kind=kind) for kind in KINDS]
FIELDS = [
    ("dsseEnvelope", "payload"),
    ("dsseEnvelope", "signatures", 0, "sig"),
    ("verificationMaterial", "certificate", "rawBytes"),
    ("verificationMaterial", "tlogEntries", 0, "canonicalizedBody"),
    ("verificationMaterial", "tlogEntries", 0, "logId", "keyId"),
    ("verificationMaterial", "tlogEntries", 0, "inclusionPromise", "signedEntryTimestamp"),
    ("verificationMaterial", "tlogEntries", 0, "inclusionProof", "rootHash"),
    ("verificationMaterial", "tlogEntries", 0, "inclusionProof", "hashes", 0),
]


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(SAMPLES), st.sampled_from(FIELDS), st.integers(0, 2**32), st.integers(0, 7))
def test_no_flipped_bit_goes_unnoticed(sample: dict[str, Any], path: tuple[Any, ...], place: int, bit: int) -> None:
    bundle = copy.deepcopy(sample)
    holder: Any = bundle
    for name in path[:-1]:
        holder = holder[name]
    data = bytearray(base64_text.decode(holder[path[-1]]) or b"")
    data[place % len(data)] ^= 1 << bit
    holder[path[-1]] = b64(bytes(data))
    try:
        answer = judged(bundle)
    except Invalid:
        return
    assert isinstance(answer, Unverified), path


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SAMPLES), st.integers(0, 2**32), st.integers(0, 127))
def test_no_changed_character_of_a_checkpoint_goes_unnoticed(sample: dict[str, Any], place: int, letter: int) -> None:
    bundle = copy.deepcopy(sample)
    checkpoint = _entry(bundle)["inclusionProof"]["checkpoint"]
    text = checkpoint["envelope"]
    place %= len(text)
    changed = text[:place] + chr(letter) + text[place + 1 :]
    checkpoint["envelope"] = changed
    assert (outcome(bundle) == "verified") is (changed == text)


def _real() -> Iterator[corpus.Piece]:
    """One verified piece of each shape: version, signer, kind of entry, timestamps."""
    shapes = {}
    for piece in corpus._pieces():
        document = json.loads(piece.data) if corpus._outcome(piece) == "verified" else {}
        if "verificationMaterial" in document:
            material = document["verificationMaterial"]
            kinds = [
                one["kindVersion"]["kind"] + one["kindVersion"]["version"] for one in material.get("tlogEntries", [])
            ]
            shapes[document["mediaType"], *sorted(material), *kinds, bool(bundles.read(document).timestamps)] = piece
    yield from shapes.values()


def _texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        if isinstance(child, str) and name not in {"hint", "keyid", "mediaType"}:
            yield (*path, name)
        else:
            yield from _texts(child, (*path, name))


@pytest.mark.skipif(not corpus.CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
def test_no_change_of_a_real_bundle_goes_unnoticed() -> None:
    tried = 0
    for piece in _real():
        root, document = corpus._root(piece), json.loads(piece.data)
        for path in _texts(document):
            for place in range(5):
                changed = copy.deepcopy(document)
                holder: Any = changed
                for name in path[:-1]:
                    holder = holder[name]
                holder[path[-1]] = _flipped(holder[path[-1]], place)
                tried += 1
                try:
                    answer = judge(json.dumps(changed).encode(), [root], corpus.NOW)
                except HallmarkError:
                    continue
                assert not isinstance(answer, Verified), (piece.file, path, place)
    assert tried >= 1000


def _flipped(text: str, place: int) -> str:
    data = base64_text.decode(text)
    raw = bytearray(data if data and len(text) > 16 else text.encode())
    raw[place * len(raw) // 5] ^= 1 << place % 7
    return b64(bytes(raw)) if data and len(text) > 16 else raw.decode("ascii", "replace")


@pytest.mark.skipif(not corpus.CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
@pytest.mark.parametrize("name", ["rekor2-timestamp-with-embedded-cert", "rekor2-timestamp-without-embedded-cert"])
@pytest.mark.filterwarnings("default")
def test_no_byte_of_a_real_timestamp_goes_unnoticed(name: str) -> None:
    file = f"sigstore-conformance/{name}/bundle.sigstore.json"
    found = bundles.read(json.loads((corpus.GIVE / file).read_bytes()))
    timestampers = authority.read(corpus._authority(file)).timestampers
    (stamp,) = found.timestamps
    assert timestamp.check([stamp], found.signature, timestampers)
    for place in range(len(stamp)):
        changed = bytearray(stamp)
        changed[place] ^= 1 << place % 7
        with pytest.raises(CheckFailed):
            timestamp.check([bytes(changed)], found.signature, timestampers)


@pytest.mark.skipif(not corpus.CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
def test_a_timestamp_counts_once_and_in_the_periods_of_its_authority_and_of_the_log() -> None:
    file = "sigstore-conformance/rekor2-timestamp-with-embedded-cert/bundle.sigstore.json"
    document = json.loads((corpus.GIVE / file).read_bytes())
    piece = corpus.Piece(file, "/", json.dumps(document).encode())
    before = "2025-08-06T18:51:35Z"
    for part, expected in (("timestampAuthorities", "timestamp_invalid"), ("tlogs", "log_unknown")):
        trusted = json.loads(corpus._authority(file))
        for one in trusted[part]:
            one.get("publicKey", one)["validFor"] |= {"start": "2021-01-01T00:00:00Z", "end": before}
        answer = judge(piece.data, [corpus._root(piece, authority=json.dumps(trusted))], corpus.NOW)
        assert [check.outcome for check in answer.checks] == [expected]
    stamps = document["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    stamps.extend(stamps[:1])
    answer = judge(json.dumps(document).encode(), [corpus._root(piece)], corpus.NOW)
    assert [check.outcome for check in answer.checks] == ["timestamp_invalid"]
    assert "twice" in answer.checks[0].detail
