"""A bundle's log changes its key, and is watched: an old key verifies a new bundle, a stolen one is not enough."""

import json
from functools import lru_cache

import pytest

from services.cli.verifier.verify import Report, Trust, verify_bundle
from shared.crypto import keys, note
from tests.support.bundles import ORIGIN, Files, Story, edited, packed, told, witness_key

STATE = "the log holds its entries"
WAY = [{"stage": "dev", "gate": "entry", "open": True}]
ON = [{"stage": "dev", "gate": "exit", "open": True}, {"stage": "later", "gate": "entry", "open": True}]


def line(private: keys.PrivateKey) -> str:
    return str(note.NoteKey(ORIGIN, private.public_key()))


def pem(private: keys.PrivateKey) -> str:
    return keys.public_pem(private.public_key())


@lru_cache
def rotated() -> tuple[Story, Files, keys.PrivateKey]:
    """A story whose log has its third key; the first one has signed a passage, and so has the last."""
    story = Story()
    first = story.hallmark
    story.policy()
    story.moved(story.judged("pr-dev", WAY), None, "dev")
    story.rotate()
    story.rotate()
    story.moved(story.judged("pr-on", ON), "dev", "later")
    return story, story.write(), first


def detail(report: Report) -> str:
    assert not report.passed
    assert report.checks[-1].name == STATE, report.as_json()
    return report.checks[-1].detail


def test_any_key_that_the_log_ever_had_verifies_a_bundle_of_today() -> None:
    story, files, first = rotated()
    second = story.former[0][1]
    for known in (first, second, story.hallmark):
        report = verify_bundle(packed(files), Trust(log_keys=(line(known),)))
        assert report.passed, report.as_json()
    assert verify_bundle(packed(files)).passed
    assert verify_bundle(packed(files), Trust(signing_keys=(pem(first),))).passed, "the later keys follow from it"
    assert not verify_bundle(packed(files), Trust(signing_keys=(pem(story.hallmark),))).passed, "not the other way"
    assert "no known key" in detail(verify_bundle(packed(files), Trust(log_keys=(line(keys.generate()),))))


def test_a_state_kept_from_before_the_handover_is_extended() -> None:
    story, files, first = rotated()
    report = verify_bundle(packed(files), Trust(log_keys=(line(first),), since=signed_by_first(story.earlier, first)))
    assert report.passed, report.as_json()
    late = Trust(log_keys=(line(first),), since=story.earlier)
    assert "no known key" in detail(verify_bundle(packed(files), late)), "not in force yet at that size"


def signed_by_first(earlier: bytes, first: keys.PrivateKey) -> bytes:
    return note.sign_checkpoint(note.parse_checkpoint(note.parts(earlier)[0]), first)


def test_a_handover_must_be_proven_by_both_keys_and_in_the_log() -> None:
    """Abuse case 76: rotation is recorded, so a thief of a replaced key signs nothing that is newer."""
    story, files, first = rotated()

    def said_of(files: Files) -> str:
        return detail(verify_bundle(packed(files), Trust(log_keys=(line(first),))))

    state = note.parse_checkpoint(note.parts(files["checkpoint.note"])[0])
    assert "no known key" in said_of({**files, "checkpoint.note": note.sign_checkpoint(state, first)})
    changes = [
        ("no known key", edited("keys.json", lambda it: it["handovers"].clear())),
        ("no known key", edited("keys.json", lambda it: it["handovers"].pop(0))),
        ("not proven", edited("keys.json", lambda it: it["handovers"][0].update(index=0))),
        ("no known key", edited("keys.json", lambda it: it["handovers"][0].update(new=line(story.hallmark)))),
        ("another form", edited("keys.json", lambda it: it["handovers"][0].update(more=1))),
        ("other keys of the log", edited("keys.json", lambda it: it["log_verifier_keys"].append(line(first)))),
        ("other keys of the log", edited("keys.json", lambda it: it["handovers"].append(it["handovers"][0]))),
        (
            "is no digest",
            edited("keys.json", lambda it: it["handovers"][1].update(hashes=["sha256:" + "AB" * 32])),
        ),
        ("no entry of the kind key", edited("log/entries", lambda it: it["entries"].remove(key_entry(it)))),
    ]
    for words, change in changes:
        changed = dict(files)
        change(changed)
        assert words in said_of(changed)


def key_entry(listed: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return next(
        one for one in listed["entries"] if '"kind":"key"' in one["entry"] and '"subject":"sha256:' not in one["entry"]
    )


def test_a_forged_handover_of_another_tree_is_refused() -> None:
    """A thief of the first key hands over to a key of their own, in a log of their own."""
    _, files, first = rotated()
    forged = Story(hallmark=first)
    forged.policy()
    forged.rotate()
    theirs = forged.write(earlier=1)
    changed = dict(files)
    edited("keys.json", lambda it: it.update(handovers=json.loads(theirs["keys.json"])["handovers"]))(changed)
    assert "no known key" in detail(verify_bundle(packed(changed), Trust(log_keys=(line(first),))))


def test_a_thief_of_the_log_s_key_still_needs_the_witnesses() -> None:
    """Abuse case 76: with the key alone a whole log can be made up, but no cosignature."""
    honest = told()
    trust = Trust(log_keys=(line(honest.hallmark),), witnesses=(witness_key(honest.witness),), quorum=1)
    assert verify_bundle(packed(honest.write()), trust).passed
    thief = told(Story(hallmark=honest.hallmark))
    files = thief.write()
    assert verify_bundle(packed(files), Trust(log_keys=trust.log_keys)).passed, "the key alone is not enough to tell"
    assert "0 known witnesses" in detail(verify_bundle(packed(files), trust))


def test_a_wrong_cosignature_and_a_witness_that_is_none_are_refused() -> None:
    honest = told()
    files = honest.write()
    head, _, last = files["checkpoint.note"].rpartition(b" ")
    wrong = bytearray(last)
    wrong[40] = ord("A") if wrong[40] != ord("A") else ord("B")
    trust = Trust(witnesses=(witness_key(honest.witness),), quorum=1)
    assert "cosignature" in detail(verify_bundle(packed({**files, "checkpoint.note": head + b" " + wrong}), trust))
    log_key_as_witness = Trust(witnesses=(line(honest.hallmark),), quorum=1)
    assert "cosignatures" in detail(verify_bundle(packed(files), log_key_as_witness))
    twice = Trust(witnesses=(witness_key(honest.witness),) * 2, quorum=2)
    assert "1 known witnesses" in detail(verify_bundle(packed(files), twice)), "who cosigns twice is one witness"


@pytest.mark.parametrize("earlier", [2, 5])
def test_a_bundle_verifies_with_old_key_witness_and_state_and_no_server(earlier: int) -> None:
    """Abuse case 79, over a rotation."""
    story = Story()
    first = story.hallmark
    story.rotate()
    files = told(story).write(earlier=earlier)
    kept = story.earlier if earlier > 2 else signed_by_first(story.earlier, first)
    witness = witness_key(story.witness)
    report = verify_bundle(packed(files), Trust((line(first),), (pem(first),), (witness,), 1, kept))
    assert report.passed, report.as_json()
    assert "cosigned by w.example" in str(report.as_json())
    stranger = Trust(signing_keys=(pem(keys.generate()),))
    assert not verify_bundle(packed(files), stranger).passed, "what follows another key does not follow this one"


def test_the_state_of_the_handover_itself_is_signed_by_both_keys() -> None:
    story = told()
    first = story.hallmark
    story.rotate()
    files = story.write()
    kept = Trust(log_keys=(line(first),))
    assert verify_bundle(packed(files), kept).passed
    state = note.parse_checkpoint(note.parts(files["checkpoint.note"])[0])
    for alone in (first, story.hallmark):
        changed = {**files, "checkpoint.note": note.sign_checkpoint(state, alone)}
        assert "no known key" in detail(verify_bundle(packed(changed), Trust(log_keys=(line(alone),))))
