"""Cosignatures: what independent witnesses add to a log's checkpoint, and how a reader counts them.

- A witness signs `cosignature/v1`, the time, and the whole text of the checkpoint: it says that at this time this was
  the newest state it had seen of that log, and that it extends every earlier one it has signed.
- A cosignature is a line of the note: 4 bytes of key id, 8 of time (seconds since 1970, big-endian), 64 of Ed25519.
- Witnesses count once per name. Strangers are ignored; a wrong cosignature under a known key refuses the note.
- Whoever asks for a quorum is safe from a thief of the log's own key, as long as fewer witnesses than that are false.

Source: C2SP tlog-cosignature.md, tlog-witness.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.crypto import keys, note
from shared.crypto.note_keys import KEY_ID_BYTES, WitnessKey
from shared.errors import Invalid

_TIME_BYTES = 8
_SIGNATURE_BYTES = 64
_LATEST = 2**63 - 1


@dataclass(frozen=True)
class Cosignature:
    """That one witness saw a checkpoint."""

    witness: str
    """The witness's name."""
    time: int
    """Seconds since 1970 (UTC), by the witness's clock."""
    line: str
    """As it stands in the note."""


def cosign(text: str, name: str, private: keys.PrivateKey, time: int) -> str:
    """The signature line of the witness `name` for the checkpoint `text`, at `time` in seconds since 1970.

    Raises `Invalid` for other keys than Ed25519, impossible times, and texts that are no checkpoint.
    """
    if not isinstance(private, Ed25519PrivateKey):
        raise _unusable("a witness signs with Ed25519 only")
    if not 0 < time <= _LATEST:
        raise _unusable(f"{time} is no time")
    note.parse_checkpoint(text)
    key = WitnessKey(name, private.public_key())
    signature = keys.sign(private, _signed(text, time))
    return note.signature_line(name, key.id, time.to_bytes(_TIME_BYTES, "big") + signature)


def verify_cosignatures(signed: bytes, witnesses: Sequence[WitnessKey]) -> tuple[Cosignature, ...]:
    """What the given witnesses have added to the note `signed`, once per name.

    Raises as `note.verify` for malformed notes, and `Invalid` when a cosignature under a known key is wrong. The
    log's own signature is not looked at.
    """
    text, lines = note.parts(signed)
    found: dict[str, Cosignature] = {}
    for name, value in lines:
        for key in witnesses:
            if key.name == name and key.id == value[:KEY_ID_BYTES]:
                time = _verified_time(key, text, value[KEY_ID_BYTES:])
                line = note.signature_line(name, key.id, value[KEY_ID_BYTES:])
                found.setdefault(name, Cosignature(name, time, line))
    return tuple(found.values())


def verify_witnessed(
    signed: bytes, known: Sequence[note.NoteKey], witnesses: Sequence[WitnessKey], *, origin: str, quorum: int
) -> tuple[note.Checkpoint, tuple[Cosignature, ...]]:
    """The checkpoint in `signed`, by the log's key and by at least `quorum` of the witnesses.

    Raises as `note.verify_checkpoint` and `verify_cosignatures`, and `Invalid` for too few witnesses.
    """
    checkpoint = note.verify_checkpoint(signed, known, origin=origin)
    found = verify_cosignatures(signed, witnesses)
    if len(found) < quorum:
        raise Invalid(
            "witness_quorum_missed",
            f"{len(found)} known witnesses saw the checkpoint of size {checkpoint.size}, {quorum} are wanted.",
            remedy="Wait for the witnesses; if they do not come, compare checkpoints with them.",
        )
    return checkpoint, found


def _verified_time(key: WitnessKey, text: str, value: bytes) -> int:
    time = int.from_bytes(value[:_TIME_BYTES], "big")
    sound = len(value) == _TIME_BYTES + _SIGNATURE_BYTES and 0 < time <= _LATEST
    if not sound or not keys.verify(key.public, _signed(text, time), value[_TIME_BYTES:]):
        raise Invalid(
            "cosignature_wrong",
            f"The cosignature of {key.name} does not fit the checkpoint.",
            remedy="Fetch the checkpoint again; if it stays so, ask the witness what it has signed.",
        )
    return time


def _signed(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _unusable(problem: str) -> Invalid:
    return Invalid(
        "cosignature_impossible",
        f"The checkpoint cannot be cosigned: {problem}.",
        remedy="Use a key made by `hallmark key generate`, and the clock of a running system.",
    )
