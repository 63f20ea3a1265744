"""C2SP tlog-proof files: one entry's inclusion proof and the checkpoint it leads to, as one text.

- Lines: the header, an optional `extra`, the index, the hashes from leaf to root, an empty line, the checkpoint.
- Whoever has the entry and the log's key needs nothing else, and no server.

Source: C2SP tlog-proof.md.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.crypto import cosignature, merkle, note
from shared.crypto.note_keys import WitnessKey, strict_base64
from shared.errors import Invalid, TooLarge

HEADER = "c2sp.org/tlog-proof@v1"
_MAX_HASHES = 63
_MAX_BYTES = note.MAX_NOTE_BYTES + 16 * 1024
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_EXTRA = "extra "


@dataclass(frozen=True)
class TlogProof:
    """The parts of a proof file, nothing of it verified."""

    index: int
    hashes: tuple[bytes, ...]
    note: bytes
    extra: bytes | None = None

    def __bytes__(self) -> bytes:
        lines = [HEADER]
        if self.extra is not None:
            lines.append(_EXTRA + base64.b64encode(self.extra).decode())
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(one).decode() for one in self.hashes]
        return "\n".join(lines).encode() + b"\n\n" + self.note


def parse(data: bytes) -> TlogProof:
    """Read a proof file. Raises `Invalid` when it is malformed, `TooLarge` when it cannot be one."""
    if len(data) > _MAX_BYTES:
        raise TooLarge("proof_too_large", f"The proof has {len(data)} bytes.", remedy="Send the proof alone.")
    head, separator, signed = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise _malformed("it is not ASCII") from error
    if lines[0] != HEADER or not separator:
        raise _malformed(f"it does not begin with {HEADER}, or ends early")
    lines = lines[1:]
    extra = None
    if lines and lines[0].startswith(_EXTRA):
        extra = strict_base64(lines.pop(0).removeprefix(_EXTRA))
        if extra is None:
            raise _malformed("its extra data is not base64")
    index = _INDEX.fullmatch(lines[0]) if lines else None
    if index is None:
        raise _malformed("it has no index")
    hashes = [strict_base64(line) for line in lines[1:]]
    sound = tuple(one for one in hashes if one is not None and len(one) == merkle.HASH_BYTES)
    if len(sound) != len(hashes) or len(sound) > _MAX_HASHES:
        raise _malformed("a line is not the base64 of a SHA-256 hash, or there are too many")
    note.parts(signed)
    return TlogProof(int(index[1]), sound, signed, extra)


def verify(
    proof: TlogProof,
    entry: bytes,
    known: Sequence[note.NoteKey],
    *,
    origin: str,
    witnesses: Sequence[WitnessKey] = (),
    quorum: int = 0,
) -> note.Checkpoint:
    """The checkpoint whose tree holds `entry`. Raises `Invalid` unless signatures, quorum and proof all hold."""
    checkpoint, _ = cosignature.verify_witnessed(proof.note, known, witnesses, origin=origin, quorum=quorum)
    leaf = merkle.leaf_hash(entry)
    if not merkle.verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root):
        raise Invalid(
            "entry_not_included",
            f"The entry is not number {proof.index} of the tree of {checkpoint.size} that {origin} signed.",
            remedy="Compare the entry, byte by byte, with what the log holds at this index.",
        )
    return checkpoint


def _malformed(problem: str) -> Invalid:
    return Invalid("proof_malformed", f"The proof cannot be read: {problem}.", remedy="Fetch the proof again.")
