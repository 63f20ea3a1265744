from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from services.evidence.given_out import GivenOut
from shared.errors import Transient
from tests.support.small_log import SmallLog


def test_what_is_given_out_lies_on_file_and_only_moves_forward(tmp_path: Path) -> None:
    log, folder = SmallLog(), tmp_path / "checkpoints"
    given = GivenOut(folder, "one")
    assert given.kept() == {}
    first, second = log.grow(3).note, log.grow(2).note
    given.remember(first)
    given.remember(second)
    given.remember(second)
    assert given.kept() == {folder / "one.checkpoint": second}
    with pytest.raises(Transient) as refusal:
        given.remember(first)
    assert refusal.value.code == "log_behind"
    assert list(given.kept().values()) == [second]


def test_each_instance_keeps_its_own_and_sees_all(tmp_path: Path) -> None:
    log = SmallLog()
    one, two = GivenOut(tmp_path, "one"), GivenOut(tmp_path, "two")
    one.remember(log.grow(3).note)
    two.remember(log.grow(1).note)
    assert [path.name for path in one.kept()] == ["one.checkpoint", "two.checkpoint"]


def test_without_a_folder_it_remembers_until_the_process_ends() -> None:
    log = SmallLog()
    first, given = log.grow(3).note, GivenOut(None, "one")
    given.remember(log.grow(1).note)
    with pytest.raises(Transient):
        given.remember(first)
    assert given.kept() == {}


def test_a_disk_that_refuses_keeps_the_checkpoint_in(tmp_path: Path) -> None:
    log = SmallLog()
    given = GivenOut(tmp_path / "missing", "one")
    with pytest.raises(OSError, match="missing"):
        given.remember(log.grow(3).note)
    assert given.size == 0


def test_a_write_that_broke_off_leaves_the_checkpoint_before_it(tmp_path: Path) -> None:
    log = SmallLog()
    notes = [log.grow(1).note for _ in range(4)]
    path = tmp_path / "one.checkpoint"
    given = GivenOut(tmp_path, "one")
    for before, signed in itertools.pairwise(notes):
        given.remember(before)
        sound = path.read_bytes()
        given.remember(signed)
        whole = path.read_bytes()
        changed = [at for at in range(len(whole)) if whole[at] != sound[at]]
        for cut in changed[:: max(1, len(changed) // 50)]:
            path.write_bytes(whole[:cut] + sound[cut:])
            assert given.kept()[path] in (before, signed)
        path.write_bytes(whole)


def test_the_next_process_goes_on_beside_the_newest(tmp_path: Path) -> None:
    log = SmallLog()
    for _ in range(5):
        signed = log.grow(1).note
        GivenOut(tmp_path, "one").remember(signed)
        assert list(GivenOut(tmp_path, "other").kept().values()) == [signed]


def test_a_damaged_file_is_shown_and_an_unwritten_one_is_nothing(tmp_path: Path) -> None:
    given = GivenOut(tmp_path, "one")
    (tmp_path / "two.checkpoint").write_bytes(bytes(8192))
    assert given.kept() == {}
    (tmp_path / "two.checkpoint").write_bytes(b"something else")
    assert given.kept() == {tmp_path / "two.checkpoint": b"something else"}
