from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.evidence.domain.witness import MAX_WITNESSES, Witness, accept, register
from shared.crypto import note
from shared.errors import HallmarkError
from tests.support.small_log import ORIGIN, START, SmallLog, WitnessOf

LOG = SmallLog()
SIGNED = LOG.grow(5)
OURS = note.Checkpoint(ORIGIN, SIGNED.size, SIGNED.root)
A = WitnessOf()
KNOWN = Witness(str(A.key), START, "ann")


def code_of(signed: bytes, *witnesses: Witness) -> str:
    with pytest.raises(HallmarkError) as refusal:
        accept(signed, OURS, witnesses, at=START)
    return refusal.value.code


def test_a_known_witness_is_accepted() -> None:
    found = accept(A.cosign(SIGNED.note, at=START), OURS, [KNOWN], at=START)
    assert (found.witness, found.time) == (A.name, int(START.timestamp()))


def test_everything_else_is_refused() -> None:
    good = A.cosign(SIGNED.note, at=START)
    stranger = WitnessOf("witness.example/b").cosign(SIGNED.note, at=START)
    impostor = WitnessOf(A.name).cosign(SIGNED.note, at=START)
    fork = SmallLog(private=LOG.private)
    fork.append(b"x")
    forked = A.cosign(fork.grow(4).note, at=START)
    line = good.decode().splitlines()[-1]
    assert code_of(good) == "witness_unknown"
    assert code_of(stranger, KNOWN) == "witness_unknown"
    assert code_of(impostor, KNOWN) == "witness_unknown"
    assert code_of(good, replace(KNOWN, retired_at=START)) == "witness_unknown"
    assert code_of(forked, KNOWN) == "checkpoint_forked"
    assert code_of(note.with_lines(LOG.grow(1).note, [line]), KNOWN) == "checkpoint_forked"
    assert code_of(A.cosign(SIGNED.note, at=START + timedelta(hours=1)), KNOWN) == "cosignature_time_wrong"


def test_a_name_is_in_use_once_and_a_retired_key_never_comes_back() -> None:
    fresh = WitnessOf(A.name)
    retired = replace(KNOWN, retired_at=START)
    with pytest.raises(HallmarkError):
        register(str(fresh.key), [KNOWN], by="ann", at=START)
    with pytest.raises(HallmarkError):
        register(str(A.key), [retired], by="ann", at=START)
    assert register(str(fresh.key), [retired], by="ann", at=START).key == fresh.key
    with pytest.raises(HallmarkError):
        register(str(LOG.key), [], by="ann", at=START)


def test_the_lines_of_all_witnesses_fit_into_a_note() -> None:
    many = [WitnessOf(f"w{number}") for number in range(MAX_WITNESSES)]
    known = [Witness(str(one.key), START, "ann") for one in many]
    with pytest.raises(HallmarkError):
        register(str(A.key), known, by="ann", at=START)
    signed = SIGNED.note
    for one in many:
        signed = one.cosign(signed)
    assert note.verify_checkpoint(signed, [LOG.key], origin=ORIGIN) == OURS
