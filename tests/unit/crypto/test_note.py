from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import keys, note
from shared.crypto.merkle import EMPTY_ROOT
from shared.crypto.note import Checkpoint, NoteKey
from shared.crypto.note_keys import parse_witness_key
from shared.errors import Invalid, TooLarge
from tests.support.counts import say

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
VECTORS = CORPUS / "12-merkle-tlog" / "give" / "checkpoint-and-note-vectors.json"
needs_corpus = pytest.mark.skipif(not VECTORS.is_file(), reason="the corpus is not here; set HALLMARK_CORPUS")

ORIGIN = "hallmark.example/log"
PRIVATE = keys.generate()
KEY = NoteKey(ORIGIN, PRIVATE.public_key())
CHECKPOINT = Checkpoint(ORIGIN, 7, EMPTY_ROOT)
SIGNED = note.sign_checkpoint(CHECKPOINT, PRIVATE)


@pytest.mark.parametrize("algorithm", keys.Algorithm)
def test_a_signed_checkpoint_comes_back(algorithm: keys.Algorithm) -> None:
    private = keys.generate(algorithm)
    known = note.parse_key(str(NoteKey(ORIGIN, private.public_key())))
    signed = note.sign_checkpoint(CHECKPOINT, private)
    assert note.verify_checkpoint(signed, [known], origin=ORIGIN) == CHECKPOINT


def test_the_signed_form_is_that_of_the_specification() -> None:
    lines = note.sign_checkpoint(CHECKPOINT, PRIVATE).decode().split("\n")
    assert lines[:4] == [ORIGIN, "7", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", ""]
    assert lines[4].startswith(f"— {ORIGIN} ")
    assert lines[5:] == [""]


def test_a_changed_text_is_refused() -> None:
    signed = note.sign_checkpoint(CHECKPOINT, PRIVATE)
    with pytest.raises(Invalid) as refusal:
        note.verify(signed.replace(b"\n7\n", b"\n8\n"), [KEY])
    assert refusal.value.code == "note_unverified"


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    stranger = NoteKey(ORIGIN, keys.generate().public_key())
    signed = note.sign_checkpoint(CHECKPOINT, PRIVATE)
    for known in ([], [stranger]):
        with pytest.raises(Invalid) as refusal:
            note.verify(signed, known)
        assert refusal.value.code == "note_unverified"


def test_strangers_signatures_are_ignored_beside_a_known_one() -> None:
    foreign = note.sign(CHECKPOINT.text(), "witness.example", keys.generate()).rpartition(b"\n\n")[2]
    signed = note.sign_checkpoint(CHECKPOINT, PRIVATE) + foreign * 20
    assert note.verify(signed, [KEY])[1] == (ORIGIN,)


def test_a_bad_signature_of_a_known_key_spoils_the_note() -> None:
    other = note.sign("other\n", ORIGIN, PRIVATE).rpartition(b"\n\n")[2]
    with pytest.raises(Invalid) as refusal:
        note.verify(note.sign_checkpoint(CHECKPOINT, PRIVATE) + other, [KEY])
    assert refusal.value.code == "note_unverified"


def test_another_logs_checkpoint_is_refused() -> None:
    signed = note.sign(Checkpoint("elsewhere.example", 7, EMPTY_ROOT).text(), ORIGIN, PRIVATE)
    with pytest.raises(Invalid) as refusal:
        note.verify_checkpoint(signed, [KEY], origin=ORIGIN)
    assert refusal.value.code == "checkpoint_origin_wrong"


def test_text_may_hold_empty_lines() -> None:
    signed = note.sign("a\n\nb\n", ORIGIN, PRIVATE)
    assert note.verify(signed, [KEY])[0] == "a\n\nb\n"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n- name AAAAAAAA\n",
        "text\n\n— name AAAA\n".encode(),
        "text\n\n— name AAAAAAAA".encode(),
        "te\txt\n\n— name AAAAAAAA\n".encode(),
        b"\xff\n\n",
    ],
)
def test_malformed_notes_are_refused(broken: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        note.verify(broken, [KEY])
    assert refusal.value.code == "note_malformed"


def test_notes_are_limited() -> None:
    with pytest.raises(TooLarge):
        note.verify(b"x" * (note.MAX_NOTE_BYTES + 1), [KEY])
    with pytest.raises(TooLarge):
        note.verify(b"x\n\n" + "— a AAAAAAAA\n".encode() * 65, [KEY])


@pytest.mark.parametrize(
    "text",
    [
        "log\n7\n",
        "\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "log\n07\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "log\n-7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "log\n9223372036854775808\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "log\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF8=\nx",
        "log\n7\nAAAA\n",
        "log\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n",
    ],
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        note.parse_checkpoint(text)
    assert refusal.value.code == "checkpoint_malformed"


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb"])
def test_names_that_cannot_stand_in_a_note_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        note.sign("text\n", name, PRIVATE)


@needs_corpus
def test_agrees_with_the_vectors_of_others() -> None:
    vectors = json.loads(VECTORS.read_bytes())
    for name in ("signed_notes", "vkeys", "checkpoint_parse"):
        say(f"note vectors ({name}) agree", len(vectors[name]))
    notes = vectors["signed_notes"]
    assert sum(_opens(item["vkey"], item["note"]) for item in notes) == 2
    for item in notes[:2]:
        assert _opens(item["vkey"], item["note"]) is item["valid"], item["name"]
    for item in vectors["vkeys"]:
        # Keys for RFC 6962 tree heads are sound, but no log that is read here signs with them.
        kind = item["type"] if item["valid"] else ""
        assert _usable_key(item["vkey"]) is (kind == "ECDSA 0x02"), item["vkey"]
        assert _usable_witness_key(item["vkey"]) is (kind == "cosignature 0x04"), item["vkey"]
    for item in vectors["checkpoint_parse"]:
        # The valid ones carry roots of other lengths than SHA-256 has, which no log that is read here can have.
        with pytest.raises(Invalid):
            note.parse_checkpoint(item["text"])


def _opens(vkey: str, text: str) -> bool:
    try:
        note.verify(text.encode(), [note.parse_key(vkey)])
    except Invalid:
        return False
    return True


def _usable_key(vkey: str) -> bool:
    try:
        note.parse_key(vkey)
    except Invalid:
        return False
    return True


def _usable_witness_key(vkey: str) -> bool:
    try:
        parse_witness_key(vkey)
    except Invalid:
        return False
    return True


@pytest.mark.thorough
@given(st.integers(0), st.integers(0, 7))
def test_no_bit_of_a_signed_checkpoint_can_be_flipped(place: int, bit: int) -> None:
    flipped = bytearray(SIGNED)
    flipped[place % len(SIGNED)] ^= 1 << bit
    with pytest.raises(Invalid):
        note.verify_checkpoint(bytes(flipped), [KEY], origin=ORIGIN)
