from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.crypto import keys, note
from shared.crypto.log_keys import Handover, follow, keys_at, verify_handover, verify_in_force
from shared.errors import Invalid
from tests.support.small_log import ORIGIN, SmallLog


def rotated() -> tuple[SmallLog, note.NoteKey, keys.PrivateKey]:
    log = SmallLog()
    log.grow(3)
    first, stolen = log.key, log.private
    log.rotate()
    log.grow(5)
    log.rotate()
    log.grow(2)
    return log, first, stolen


def test_who_knows_the_first_key_finds_the_present_one() -> None:
    log, first, _ = rotated()
    spans = follow([first], log.handovers, origin=ORIGIN)
    assert [(span.since, span.until) for span in spans] == [(0, 4), (4, 10), (10, None)]
    for signed in log.signed:
        assert verify_in_force(signed.note, spans, origin=ORIGIN).size == signed.size
    assert len(keys_at(spans, 4)) == 2
    assert keys_at(spans, 12) == (log.key,)


def test_the_checkpoint_of_the_handover_opens_with_either_key() -> None:
    log, first, _ = rotated()
    both = log.signed[1].note
    for key in (first, note.parse_key(log.handovers[0].new)):
        assert note.verify_checkpoint(both, [key], origin=ORIGIN).size == 4


def test_a_replaced_key_signs_nothing_newer() -> None:
    log, first, stolen = rotated()
    spans = follow([first], log.handovers, origin=ORIGIN)
    forged = note.sign_checkpoint(note.Checkpoint(ORIGIN, 12, bytes(32)), stolen)
    assert note.verify_checkpoint(forged, [first], origin=ORIGIN)
    with pytest.raises(Invalid) as refusal:
        verify_in_force(forged, spans, origin=ORIGIN)
    assert refusal.value.code == "note_unverified"


def test_what_a_replaced_key_has_signed_stays_good() -> None:
    log, first, _ = rotated()
    assert verify_in_force(log.signed[0].note, follow([first], log.handovers, origin=ORIGIN), origin=ORIGIN).size == 3


def test_strangers_cannot_hand_over() -> None:
    log, first, _ = rotated()
    stranger = SmallLog()
    stranger.grow(1)
    stranger.rotate()
    assert len(follow([first], stranger.handovers, origin=ORIGIN)) == 1
    # The thief of nothing claims that the first key handed over to him.
    claimed = replace(stranger.handovers[0], old=str(first))
    with pytest.raises(Invalid):
        follow([first], [claimed], origin=ORIGIN)
    assert str(log.key) not in {str(span.key) for span in follow([first], log.handovers[1:], origin=ORIGIN)}


def _with_lines(good: Handover, which: int) -> bytes:
    text, _, lines = good.note.rpartition(b"\n\n")
    return text + b"\n\n" + lines.splitlines(keepends=True)[which]


GOOD = rotated()[0]
FALSE: dict[str, Callable[[Handover], Handover]] = {
    "another entry": lambda good: replace(good, entry=GOOD.entries[0].data),
    "no entry": lambda good: replace(good, entry=b"[]"),
    "another place": lambda good: replace(good, index=good.index - 1),
    "another proof": lambda good: replace(good, proof=()),
    "signed by the old key alone": lambda good: replace(good, note=GOOD.signed[0].note),
    "signed by the new key no more": lambda good: replace(good, note=_with_lines(good, 0)),
    "signed by the old key no more": lambda good: replace(good, note=_with_lines(good, 1)),
    "another successor": lambda good: replace(good, new=GOOD.handovers[1].new),
}


@pytest.mark.parametrize("falsified", FALSE.values(), ids=FALSE)
def test_every_part_of_a_handover_counts(falsified: Callable[[Handover], Handover]) -> None:
    assert verify_handover(GOOD.handovers[0], origin=ORIGIN) == 4
    with pytest.raises(Invalid):
        verify_handover(falsified(GOOD.handovers[0]), origin=ORIGIN)


def test_a_handover_belongs_to_one_log() -> None:
    with pytest.raises(Invalid):
        verify_handover(GOOD.handovers[0], origin="elsewhere.example/log")
