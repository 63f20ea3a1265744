from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import tlog_proof
from shared.crypto.tlog_proof import TlogProof
from shared.errors import Invalid, TooLarge
from tests.support.counts import say
from tests.support.small_log import ORIGIN, SmallLog, WitnessOf

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
VECTORS = CORPUS / "12-merkle-tlog" / "give" / "checkpoint-and-note-vectors.json"
LOG = SmallLog()
SIGNED = LOG.grow(11)
WITNESS = WitnessOf()
ENTRY = LOG.entries[5].data
PROOF = TlogProof(5, LOG.inclusion(5, 11), WITNESS.cosign(SIGNED.note))


def test_a_proof_file_proves_its_entry_and_no_other() -> None:
    read = tlog_proof.parse(bytes(PROOF))
    assert read == PROOF
    for quorum in (0, 1):
        found = tlog_proof.verify(read, ENTRY, [LOG.key], origin=ORIGIN, witnesses=[WITNESS.key], quorum=quorum)
        assert found.size == 11
    with pytest.raises(Invalid) as refusal:
        tlog_proof.verify(read, LOG.entries[6].data, [LOG.key], origin=ORIGIN)
    assert refusal.value.code == "entry_not_included"


def test_the_file_has_the_lines_of_the_specification() -> None:
    lines = bytes(TlogProof(5, PROOF.hashes, SIGNED.note, extra=b"x")).decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra eA==", "index 5"]
    assert lines[3 + len(PROOF.hashes)] == ""
    assert lines[4 + len(PROOF.hashes)] == ORIGIN
    assert tlog_proof.parse("\n".join(lines).encode()).extra == b"x"


@given(st.integers(0, len(bytes(PROOF)) - 1), st.integers(0, 7))
def test_no_bit_of_a_proof_file_can_be_flipped(place: int, bit: int) -> None:
    flipped = bytearray(bytes(PROOF))
    flipped[place] ^= 1 << bit
    with pytest.raises(Invalid):
        verified(bytes(flipped))


def verified(data: bytes) -> None:
    witnesses = [WITNESS.key]
    tlog_proof.verify(tlog_proof.parse(data), ENTRY, [LOG.key], origin=ORIGIN, witnesses=witnesses, quorum=1)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"c2sp.org/tlog-proof@v1\nindex 1\n",
        b"c2sp.org/tlog-proof@v2\nindex 1\n\n" + SIGNED.note,
        b"c2sp.org/tlog-proof@v1\nindex 01\n\n" + SIGNED.note,
        b"c2sp.org/tlog-proof@v1\nextra ?\nindex 1\n\n" + SIGNED.note,
        b"c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\n" + SIGNED.note,
        b"c2sp.org/tlog-proof@v1\nindex 1\n" + b"A" * 43 + b"=\n" * 64 + b"\n" + SIGNED.note,
        b"c2sp.org/tlog-proof@v1\nindex 1\n\xff\n\n" + SIGNED.note,
    ],
)
def test_malformed_proofs_are_refused(broken: bytes) -> None:
    with pytest.raises(Invalid):
        tlog_proof.parse(broken)


def test_proofs_are_limited() -> None:
    with pytest.raises(TooLarge):
        tlog_proof.parse(bytes(1_000_000))


@pytest.mark.skipif(not VECTORS.is_file(), reason="the corpus is not here; set HALLMARK_CORPUS")
def test_refuses_the_invalid_vectors_of_others() -> None:
    vectors = json.loads(VECTORS.read_bytes())["tlog_proof_v1_invalid"]
    for vector in vectors:
        with pytest.raises(Invalid):
            tlog_proof.parse(vector["proof"].encode())
    say("invalid tlog-proof vectors refused", len(vectors))
