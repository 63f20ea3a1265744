"""Witnesses: independent parties that remember the log's newest state, and whose cosignatures are kept.

- An operator says who is a witness. One key per name is in use; a retired one never comes back.
- A cosignature is kept only when its witness is known and in use, it is right, and the checkpoint is one of ours.
- A witness that lost its memory is retired: with the same key it could be led onto a fork it once refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.crypto import note
from shared.crypto.cosignature import Cosignature, verify_cosignatures
from shared.crypto.note_keys import WitnessKey, parse_witness_key
from shared.errors import Conflict, Invalid, NotFound

MAX_WITNESSES = 32
"""In use at a time: their lines must fit into one note."""
_NAME_LENGTH = 200
_CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Witness:
    """One witness."""

    verifier_key: str
    registered_at: datetime
    registered_by: str
    retired_at: datetime | None = None
    newest: tuple[int, int] | None = None
    """Size of the largest state that it has cosigned, and when, by its clock; None while none is known."""

    @property
    def key(self) -> WitnessKey:
        """Its public key."""
        return parse_witness_key(self.verifier_key)


def register(verifier_key: str, known: Sequence[Witness], *, by: str, at: datetime) -> Witness:
    """A new witness. Raises `Invalid` for unusable keys, `Conflict` for a key or name that is taken, or too many."""
    name = parse_witness_key(verifier_key).name
    if len(name) > _NAME_LENGTH:
        raise Invalid("witness_name_long", f"{name!r} is too long.", remedy=f"Use {_NAME_LENGTH} characters at most.")
    in_use = [witness for witness in known if witness.retired_at is None]
    if verifier_key in {witness.verifier_key for witness in known}:
        raise _taken(f"The witness key {verifier_key} is on record already, in use or retired.")
    if name in {witness.key.name for witness in in_use}:
        raise _taken(f"{name} is a witness with another key.")
    if len(in_use) >= MAX_WITNESSES:
        raise _taken(f"There are {MAX_WITNESSES} witnesses, which is all there can be.")
    return Witness(verifier_key, at, by)


def accept(signed: bytes, ours: note.Checkpoint, witnesses: Iterable[Witness], *, at: datetime) -> Cosignature:
    """The one cosignature of a known witness that `signed` brings for our checkpoint of that size.

    Raises `Conflict` when the note is about another state than the one we signed, `Invalid` for a wrong or
    impossible cosignature, and `NotFound` when no witness in use has signed it.
    """
    if note.parse_checkpoint(note.parts(signed)[0]) != ours:
        raise Conflict(
            "checkpoint_forked",
            f"The checkpoint of size {ours.size} handed in is not the one this log has signed.",
            remedy="Keep it: if the log's own key signed it, it proves a fork. Tell the operators.",
        )
    found = verify_cosignatures(signed, [witness.key for witness in witnesses if witness.retired_at is None])
    if not found:
        raise NotFound(
            "witness_unknown",
            "No witness in use has signed this checkpoint.",
            remedy="Have an operator register the witness's key; one that was retired needs a new key.",
        )
    latest = at + _CLOCK_TOLERANCE
    for one in found:
        if one.time > latest.timestamp():
            raise Invalid(
                "cosignature_time_wrong",
                f"{one.witness} signed at {one.time}, which is in the future.",
                remedy="Set the witness's clock.",
            )
    return found[0]


def _taken(message: str) -> Conflict:
    return Conflict("witness_taken", message, remedy="Retire the old one, and register a new key.")
