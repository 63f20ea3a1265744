"""Abuse of the log, from 70 to 78, as an auditor who recomputes everything sees it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from contracts.vocabulary import utc
from shared.crypto import merkle, note
from shared.crypto.log_audit import Entry, LogAudit, Signed
from shared.crypto.log_keys import handover_digest
from tests.support.small_log import ORIGIN, START, SmallLog, WitnessOf, entry_bytes


def a_log() -> SmallLog:
    log = SmallLog()
    for count in (1, 4, 2, 9):
        log.grow(count)
    return log


def checkpoint_of(signed: Signed) -> note.Checkpoint:
    return note.Checkpoint(ORIGIN, signed.size, signed.root)


def test_an_honest_log_is_sound_through_rotations_and_with_witnesses() -> None:
    log, witness = a_log(), WitnessOf()
    log.rotate()
    log.grow(3)
    last = log.signed[-1]
    log.signed[-1] = replace(last, note=witness.cosign(last.note))
    kept = tuple(checkpoint_of(signed) for signed in log.signed[1:3])
    assert log.audit(witness.key, kept=kept) == []


def test_70_deleted_last_entries_show_against_a_kept_checkpoint() -> None:
    log = a_log()
    kept = checkpoint_of(log.signed[-1])
    del log.entries[-3:]
    assert "log_truncated" in log.audit()
    # With the newest checkpoint gone as well, only what was kept elsewhere shows it.
    log.entries = log.entries[: log.signed[-2].size]
    del log.signed[-1:]
    assert log.audit() == []
    assert log.audit(kept=(kept,)) == ["log_rolled_back"]


def rewritten(log: SmallLog, place: int) -> SmallLog:
    """All hashed again, and signed with the log's own key."""
    forged = SmallLog(private=log.private)
    sizes = [signed.size for signed in log.signed]
    for entry in log.entries:
        forged.append(b'{"forged":1}' if entry.index == place else entry.data)
        if forged.frontier.size in sizes:
            forged.sign(log.private)
    return forged


def test_71_a_rewritten_entry_shows_even_when_everything_is_hashed_and_signed_again() -> None:
    log = a_log()
    entry = log.entries[3]
    log.entries[3] = replace(entry, data=entry_bytes(99))
    assert log.audit()[:2] == ["leaf_wrong", "root_wrong"]
    log.entries[3] = replace(log.entries[3], leaf=merkle.leaf_hash(entry_bytes(99)))
    assert set(log.audit()) == {"root_wrong"}
    log.entries[3] = entry
    forged = rewritten(log, 3)
    assert "log_rewritten" in forged.audit(kept=(checkpoint_of(log.signed[-1]),))


def test_71_a_rewritten_log_has_not_the_root_that_witnesses_signed() -> None:
    log, witness = a_log(), WitnessOf()
    last = log.signed[-1]
    line = witness.cosign(last.note).decode().splitlines()[-1]
    forged = rewritten(log, 3)
    forged.signed[-1] = replace(forged.signed[-1], note=note.with_lines(forged.signed[-1].note, [line]))
    assert "cosignature_wrong" in forged.audit(witness.key)


def test_73_two_states_of_one_size_are_never_both_right() -> None:
    log = a_log()
    fork = rewritten(log, 0)
    log.signed.append(fork.signed[-1])
    assert log.audit() == ["root_wrong"]


def test_74_a_node_does_not_pass_for_an_entry() -> None:
    log = a_log()
    inner = log.nodes[merkle.NodeId(0, 0)] + log.nodes[merkle.NodeId(0, 1)]
    posing = merkle.leaf_hash(inner)
    assert posing != log.nodes[merkle.NodeId(1, 0)]
    proof = log.inclusion(0, log.frontier.size)
    assert not merkle.verify_inclusion(posing, 0, log.frontier.size, proof[1:], log.frontier.root())
    # The second preimage: a shorter tree whose first entry is the two old leaves.
    log.entries[:2] = [Entry(0, inner, posing)]
    assert {"index_gap", "log_truncated"} <= set(log.audit())


def test_75_an_entry_beside_the_order_shows_as_a_gap() -> None:
    log = a_log()
    extra = entry_bytes(100)
    log.entries.insert(6, Entry(1000, extra, merkle.leaf_hash(extra)))
    found = log.audit()
    assert found[0] == "index_gap"
    assert "root_wrong" in found
    assert "entry_unsigned" in found


def test_76_what_a_thief_signs_with_a_replaced_key_is_refused() -> None:
    log = a_log()
    stolen = log.private
    log.rotate()
    log.grow(2)
    log.append(entry_bytes(50))
    log.sign(stolen)
    assert log.audit() == ["note_unverified"]


def test_78_an_entry_cannot_say_a_time_far_from_its_neighbours() -> None:
    log, witness = SmallLog(), WitnessOf()
    log.grow(3)
    log.append(entry_bytes(3, at=START - timedelta(hours=1)))
    log.grow(1)
    assert log.audit() == ["entry_backdated"]
    log = SmallLog()
    log.append(entry_bytes(0, at=START + timedelta(hours=1)))
    signed = log.grow(1)
    log.signed[-1] = replace(signed, note=witness.cosign(signed.note, at=START))
    assert "entry_postdated" in log.audit(witness.key)


def test_an_entry_that_cannot_be_read_is_named_and_the_pass_goes_on() -> None:
    log = SmallLog()
    for data in (b"\xff", b"[]", b'{"kind":"x"}', b'{"kind":"x","recorded_at":"2026-01-01T00:00:00"}'):
        log.append(data)
    log.grow(1)
    assert log.audit() == ["entry_malformed"] * 4


def test_a_list_of_checkpoints_that_differs_from_its_notes_shows() -> None:
    log = a_log()
    log.signed[1] = replace(log.signed[1], root=bytes(32))
    assert log.audit() == ["checkpoint_differs"]
    log.signed.reverse()
    assert "checkpoint_order" in log.audit()


def test_a_key_that_signs_verdicts_takes_over_from_none_of_the_log() -> None:
    log = a_log()
    digest = "sha256:" + "ab" * 32
    entry = {"v": 1, "kind": "key", "project": "_", "subject": digest, "digest": digest, "recorded_at": utc(START)}
    log.append(json.dumps(entry).encode())
    log.sign(log.private)
    handover = log.rotate()
    audit = LogAudit(ORIGIN, log.spans)
    list(audit.run(log.entries, log.signed))
    assert audit.problems == []
    assert audit.key_entries == {handover_digest(ORIGIN, handover.old, handover.new)}
