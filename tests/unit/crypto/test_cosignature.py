from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import cosignature, keys, note
from shared.crypto.note_keys import WitnessKey, parse_key, parse_witness_key
from shared.errors import Invalid
from tests.support.small_log import ORIGIN, START, SmallLog, WitnessOf

LOG = SmallLog()
SIGNED = LOG.grow(7).note
A, B = WitnessOf("witness.example/a"), WitnessOf("witness.example/b")
BOTH = B.cosign(A.cosign(SIGNED))


def code_of(signed: bytes, *witnesses: WitnessKey, quorum: int) -> str:
    with pytest.raises(Invalid) as refusal:
        cosignature.verify_witnessed(signed, [LOG.key], witnesses, origin=ORIGIN, quorum=quorum)
    return refusal.value.code


def test_a_cosignature_signs_time_and_text_as_the_specification_says() -> None:
    text, lines = note.parts(A.cosign(SIGNED, at=START))
    name, value = lines[1]
    assert name == A.name
    assert value[:4] == A.key.id
    assert int.from_bytes(value[4:12], "big") == int(START.timestamp())
    message = f"cosignature/v1\ntime {int(START.timestamp())}\n{text}".encode()
    assert keys.verify(A.key.public, message, value[12:])
    assert len(value) == 4 + 8 + 64


def test_a_witness_key_is_not_a_note_key() -> None:
    line = str(A.key)
    assert parse_witness_key(line) == A.key
    assert base64.b64decode(line.split("+", 2)[2])[0] == 4
    with pytest.raises(Invalid):
        parse_key(line)
    with pytest.raises(Invalid):
        parse_witness_key(str(LOG.key))
    assert isinstance(A.key.public, Ed25519PublicKey)
    assert note.NoteKey(A.name, A.key.public).id != A.key.id


def test_a_quorum_counts_known_witnesses_once() -> None:
    checkpoint, found = cosignature.verify_witnessed(BOTH, [LOG.key], [A.key, B.key], origin=ORIGIN, quorum=2)
    assert (checkpoint.size, [one.witness for one in found]) == (7, [A.name, B.name])
    assert code_of(BOTH, A.key, quorum=2) == "witness_quorum_missed"
    assert code_of(A.cosign(A.cosign(SIGNED)), A.key, B.key, quorum=2) == "witness_quorum_missed"


def test_a_thief_of_the_logs_key_does_not_reach_the_quorum() -> None:
    forged = SmallLog(private=LOG.private)
    forged.append(b"rewritten")
    signed = forged.grow(6).note
    assert note.verify_checkpoint(signed, [LOG.key], origin=ORIGIN).size == 7
    copied = note.with_lines(signed, [line.line for line in cosignature.verify_cosignatures(BOTH, [A.key, B.key])])
    assert code_of(signed, A.key, B.key, quorum=1) == "witness_quorum_missed"
    assert code_of(copied, A.key, B.key, quorum=1) == "cosignature_wrong"


def test_a_note_signature_does_not_pass_for_a_cosignature() -> None:
    name, value = note.parts(SIGNED)[1][0]
    posing = note.with_lines(SIGNED, [note.signature_line(A.name, A.key.id, bytes(8) + value[4:])])
    assert name == ORIGIN
    assert code_of(posing, A.key, quorum=0) == "cosignature_wrong"


@pytest.mark.parametrize("time", [0, -1, 2**63])
def test_impossible_times_are_not_signed(time: int) -> None:
    with pytest.raises(Invalid):
        cosignature.cosign(note.parts(SIGNED)[0], A.name, A.private, time)


def test_only_ed25519_keys_witness_and_only_checkpoints() -> None:
    with pytest.raises(Invalid):
        cosignature.cosign(note.parts(SIGNED)[0], A.name, keys.generate(keys.Algorithm.ECDSA_P256), 1)
    with pytest.raises(Invalid):
        cosignature.cosign("any text\n", A.name, A.private, 1)


@given(st.integers(0, len(BOTH) - 1), st.integers(0, 7))
def test_no_bit_of_a_witnessed_checkpoint_can_be_flipped(place: int, bit: int) -> None:
    flipped = bytearray(BOTH)
    flipped[place] ^= 1 << bit
    with pytest.raises(Invalid):
        cosignature.verify_witnessed(bytes(flipped), [LOG.key], [A.key, B.key], origin=ORIGIN, quorum=2)
