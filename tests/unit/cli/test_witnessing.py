from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.cli import witnessing
from services.cli.witnessing import ForkSeenError, Memory
from shared.crypto import note
from shared.crypto.log_audit import Signed
from shared.errors import Conflict, Invalid, NotFound
from tests.support.small_log import ORIGIN, SmallLog

NAME = "witness.example/a"


def fresh(log: SmallLog) -> Memory:
    return Memory(NAME, ORIGIN, (str(log.key),))


def look(memory: Memory, log: SmallLog, signed: Signed) -> Memory:
    after, seen = witnessing.advance(memory, signed.note.decode(), log.handovers, log.consistency)
    assert (seen.size, seen.root) == (after.size, bytes.fromhex(after.root)) == (signed.size, signed.root)
    return after


def test_a_witness_follows_an_honest_log_through_a_rotation() -> None:
    log = SmallLog()
    memory = look(fresh(log), log, log.grow(3))
    memory = look(memory, log, log.grow(4))
    assert look(memory, log, log.signed[-1]) == memory
    log.rotate()
    memory = look(memory, log, log.grow(2))
    assert memory.size == 10
    log.rotate()
    assert look(memory, log, log.grow(1)).size == 12


def test_73_another_state_of_a_known_size_is_a_fork_and_both_are_kept(tmp_path: Path) -> None:
    log = SmallLog()
    memory = look(fresh(log), log, log.grow(5))
    fork = SmallLog(private=log.private)
    fork.append(b"other")
    forked = fork.grow(4)
    with pytest.raises(ForkSeenError) as seen:
        look(memory, fork, forked)
    kept = witnessing.keep_fork(tmp_path / "state.json", seen.value)
    notes = [path.read_bytes() for path in kept]
    assert notes == [log.signed[-1].note, forked.note]
    # Anybody with the log's key sees from the two files that it signed both.
    states = [note.verify_checkpoint(one, [log.key], origin=ORIGIN) for one in notes]
    assert states[0].size == states[1].size
    assert states[0].root != states[1].root


def test_a_log_that_shrank_or_was_rewritten_is_a_fork() -> None:
    log = SmallLog()
    first = log.grow(5)
    memory = look(look(fresh(log), log, first), log, log.grow(4))
    with pytest.raises(ForkSeenError):
        look(memory, log, first)
    rewritten = SmallLog(private=log.private)
    rewritten.append(b"rewritten")
    larger = rewritten.grow(20)
    with pytest.raises(ForkSeenError):
        look(memory, rewritten, larger)
    with pytest.raises(ForkSeenError):
        witnessing.advance(memory, larger.note.decode(), [], lambda _first, _second: ())


def test_a_checkpoint_by_another_key_or_of_another_log_is_no_fork_but_refused() -> None:
    log, other = SmallLog(), SmallLog()
    memory = look(fresh(log), log, log.grow(5))
    with pytest.raises(Invalid):
        look(memory, log, other.grow(6))
    stolen = log.private
    log.rotate()
    log.grow(1)
    with pytest.raises(Invalid):
        look(memory, log, log.sign(stolen))


def test_the_consistency_proof_is_asked_from_the_own_state_on() -> None:
    log, asked = SmallLog(), []

    def prove(first: int, second: int) -> Sequence[bytes]:
        asked.append((first, second))
        return log.consistency(first, second)

    memory = look(fresh(log), log, log.grow(5))
    log.grow(1)
    witnessing.advance(memory, log.grow(2).note.decode(), [], prove)
    assert asked == [(5, 8)]


def test_77_a_lost_or_damaged_state_is_not_replaced(tmp_path: Path) -> None:
    path, log = tmp_path / "state.json", SmallLog()
    with pytest.raises(NotFound) as refusal:
        witnessing.load(path)
    assert refusal.value.code == "witness_state_lost"
    memory = look(witnessing.begin(path, NAME, [str(log.key)]), log, log.grow(3))
    witnessing.save(path, memory)
    assert witnessing.load(path) == memory
    with pytest.raises(Conflict):
        witnessing.begin(path, NAME, [str(log.key)])
    for damaged in ("", "{}", "[]", json.dumps({"name": NAME})):
        path.write_text(damaged)
        with pytest.raises(Invalid):
            witnessing.load(path)


@pytest.mark.parametrize(("name", "keys"), [("", ["x+y"]), (NAME, [])])
def test_a_new_witness_needs_a_name_and_a_key_to_begin_with(tmp_path: Path, name: str, keys: list[str]) -> None:
    with pytest.raises(Invalid):
        witnessing.begin(tmp_path / "state.json", name, keys)


def test_one_process_at_a_time_has_a_memory(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with witnessing.alone(path), pytest.raises(Conflict), witnessing.alone(path):
        pass
    with witnessing.alone(path):
        pass
