"""Keys of one log, one after another: which key signs which sizes, and the proof that one handed over to the next.

- A key signs the checkpoints from one tree size to another; at the size of the handover both keys sign.
- The handover is an entry of the log itself, of kind `key`, with the digest of a statement that names both keys.
- Proven is it by the checkpoint that both keys signed and by the entry's inclusion in it. So whoever knows any earlier
  key finds the present one without trusting the server, and a thief of an old key signs nothing that is newer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.crypto import merkle, note
from shared.crypto.note_keys import NoteKey, parse_key
from shared.digests import canonical_digest
from shared.errors import Invalid

ENTRY_KIND = "key"


@dataclass(frozen=True)
class KeySpan:
    """One key and the tree sizes it signs, both ends included; `until` is None for the key in force."""

    key: NoteKey
    since: int
    until: int | None = None

    def covers(self, size: int) -> bool:
        """Whether this key signs the checkpoint of that size."""
        return self.since <= size and (self.until is None or size <= self.until)


@dataclass(frozen=True)
class Handover:
    """One key following another, with all that proves it."""

    old: str
    new: str
    """Both in one-line form."""
    entry: bytes
    """The log entry about it."""
    index: int
    proof: tuple[bytes, ...]
    """Inclusion of the entry in the tree that `note` signs."""
    note: bytes
    """The checkpoint that both keys signed."""

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Handover:
        """The handover as it is published, nothing of it verified.

        Raises `LookupError`, `TypeError` or `ValueError` when it is malformed.
        """
        proof = tuple(bytes.fromhex(one.removeprefix("sha256:")) for one in said["hashes"])
        return cls(said["old"], said["new"], said["entry"].encode(), said["index"], proof, said["note"].encode())


def handover_digest(origin: str, old: str, new: str) -> str:
    """The digest that the log entry about a handover carries."""
    return canonical_digest({"v": 1, "origin": origin, "old": old, "new": new})


def verify_handover(handover: Handover, *, origin: str) -> int:
    """The size of the checkpoint with which the new key took over. Raises `Invalid` unless everything fits."""
    old, new = parse_key(handover.old), parse_key(handover.new)
    checkpoint = note.verify_checkpoint(handover.note, [old], origin=origin)
    note.verify_checkpoint(handover.note, [new], origin=origin)
    try:
        said = json.loads(handover.entry)
        about = (said["kind"], said["digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise _unproven(handover, "its entry is no log entry") from error
    if about != (ENTRY_KIND, handover_digest(origin, handover.old, handover.new)):
        raise _unproven(handover, "its entry is about something else")
    leaf = merkle.leaf_hash(handover.entry)
    if not merkle.verify_inclusion(leaf, handover.index, checkpoint.size, handover.proof, checkpoint.root):
        raise _unproven(handover, "its entry is not in the tree that both keys signed")
    return checkpoint.size


def follow(pinned: Sequence[NoteKey], handovers: Iterable[Handover], *, origin: str) -> tuple[KeySpan, ...]:
    """The keys of the log, beginning with those the reader knows: each handover by a known key adds the next one.

    Handovers by unknown keys are passed over. Raises `Invalid` for one that a known key did not make as it says.
    """
    spans = {str(key): KeySpan(key, 0) for key in pinned}
    for handover in handovers:
        known = spans.get(handover.old)
        if known is None:
            continue
        size = verify_handover(handover, origin=origin)
        spans[handover.old] = KeySpan(known.key, known.since, size)
        spans[handover.new] = KeySpan(parse_key(handover.new), size)
    return tuple(spans.values())


def keys_at(spans: Iterable[KeySpan], size: int) -> tuple[NoteKey, ...]:
    """The keys whose signature counts under the checkpoint of that size."""
    return tuple(span.key for span in spans if span.covers(size))


def verify_in_force(signed: bytes, spans: Sequence[KeySpan], *, origin: str) -> note.Checkpoint:
    """The checkpoint in `signed`, by a key that was in force at its size. Raises as `note.verify_checkpoint`."""
    claimed = note.parse_checkpoint(note.parts(signed)[0])
    return note.verify_checkpoint(signed, keys_at(spans, claimed.size), origin=origin)


def _unproven(handover: Handover, problem: str) -> Invalid:
    return Invalid(
        "key_handover_unproven",
        f"That {handover.new} follows {handover.old} is not proven: {problem}.",
        remedy="Get the log's new key from its operator by another way.",
    )
