"""The log's part of a bundle: who signed its state, which entries are in it, and what it was before.

- Every entry is proven to be in the tree of the one checkpoint, and every entry is about something in the bundle.
- The log's key is yours when you give one, or follows from yours by handovers that are in the log, too. Else it is the
  bundle's own, which shows only that it is consistent in itself.
- Witnesses are believed when you name them, and only then: a line by anybody else says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.cli.verifier.reading import Bundle, WrongError
from shared.crypto import merkle, note, strict_json
from shared.crypto.cosignature import verify_witnessed
from shared.crypto.log_keys import (
    ENTRY_KIND,
    Handover,
    KeySpan,
    follow,
    handover_digest,
    keys_at,
    verify_in_force,
)
from shared.crypto.note_keys import parse_key, parse_witness_key

_EVERY_PROJECT = "*"
_KEYS = {"signing_keys", "log_verifier_keys", "log_origin"}
_HANDOVER = {"old", "new", "index", "entry", "hashes", "note"}


class State(NamedTuple):
    """The log's signed state, and who signs for the log."""

    checkpoint: note.Checkpoint
    keys: tuple[KeySpan, ...]
    """Beginning with the keys that are trusted."""
    handovers: tuple[Handover, ...]
    """All that led to the key in force, in this order."""


class Entry(NamedTuple):
    """One entry of the log."""

    place: int
    """Its index."""
    project: str
    kind: str
    subject: str
    digest: str
    record: str | None
    recorded_at: datetime


class Log:
    """The entries of a bundle, proven to be in the signed tree."""

    def __init__(self, bundle: Bundle, state: State) -> None:
        self.project: str = bundle.about["project"]
        self._used: set[int] = set()
        self.entries = [self._entry(one, state.checkpoint) for one in bundle.json("log/entries.json")["entries"]]
        places = [entry.place for entry in self.entries]
        if not places or places != sorted(set(places)):
            raise WrongError("it holds no log entry, one twice, or not in the log's order")
        for one in state.handovers:
            digest = handover_digest(state.checkpoint.origin, one.old, one.new)
            self.about(digest, ENTRY_KIND, subject=one.new, project=_EVERY_PROJECT)

    def about(self, digest: str, *kinds: str, subject: str | None = None, project: str | None = None) -> list[Entry]:
        """The entries of these kinds with that record or digest, in the log's order, by default of this project.

        Raises `WrongError` for none.
        """
        found = [
            entry
            for entry in self.entries
            if digest == (entry.record or entry.digest) and entry.kind in kinds and subject in {None, entry.subject}
            if entry.project == (project or self.project)
        ]
        if not found:
            raise WrongError(f"the log has no entry of the kind {' or '.join(kinds)} about {digest}")
        self._used |= {entry.place for entry in found}
        return found

    def check_all_used(self) -> str:
        """Raises `WrongError` for an entry about something that is not in the bundle."""
        for entry in self.entries:
            if entry.place not in self._used:
                raise WrongError(f"entry {entry.place} is about a {entry.kind} that is not in the bundle")
        return f"{len(self.entries)} entries are about what is in the bundle"

    def _entry(self, one: dict[str, Any], checkpoint: note.Checkpoint) -> Entry:
        leaf = merkle.leaf_hash(one["entry"].encode())
        proof = [hash_of(text) for text in one["proof"]]
        if not merkle.verify_inclusion(leaf, one["index"], checkpoint.size, proof, checkpoint.root):
            raise WrongError(f"entry {one['index']} is not in the signed tree")
        said = strict_json.loads_object(one["entry"].encode())
        if said["v"] not in {1, 2}:
            raise WrongError(f"entry {one['index']} is of another form")
        at = datetime.fromisoformat(said["recorded_at"])
        names = (said["project"], said["kind"], said["subject"], said["digest"])
        return Entry(one["index"], *names, said.get("record"), at)


def hash_of(digest: str) -> bytes:
    """The bytes of a `sha256:` digest. Raises `WrongError` for any other spelling."""
    value = bytes.fromhex(digest.removeprefix("sha256:"))
    if f"sha256:{value.hex()}" != digest:
        raise WrongError(f"{digest[:100]!r} is no digest")
    return value


def signed_state(bundle: Bundle, given: Sequence[str]) -> State:
    """The log's state, signed by each key in force, and by one that follows from the `given` ones if there are any.

    Raises `WrongError`, or `Invalid` for what is not signed or handed over as it says.
    """
    own, signed = bundle.json("keys.json"), bundle.files["checkpoint.note"]
    origin, listed = own["log_origin"], own["log_verifier_keys"]
    handovers = [_handover(said) for said in own.get("handovers", ())]
    if set(own) - {"handovers"} != _KEYS:
        raise WrongError("keys.json holds something else than keys")
    first = [handovers[0].old] if handovers else listed
    published = follow([parse_key(line) for line in first], handovers, origin=origin)
    checkpoint = verify_in_force(signed, published, origin=origin)
    in_force = keys_at(published, checkpoint.size)
    if sorted(map(str, in_force)) != sorted(listed) or len(published) != len(first) + len(handovers):
        raise WrongError("keys.json lists other keys of the log than those that are in force")
    for key in in_force:
        note.verify_checkpoint(signed, [key], origin=origin)
    trusted = follow([parse_key(line) for line in given], handovers, origin=origin) if given else published
    return State(verify_in_force(signed, trusted, origin=origin), trusted, tuple(handovers))


def _handover(said: dict[str, Any]) -> Handover:
    for digest in said["hashes"]:
        hash_of(digest)
    if set(said) != _HANDOVER:
        raise WrongError("keys.json holds a handover of another form")
    return Handover.read(said)


def check_witnesses(bundle: Bundle, state: State, witnesses: Sequence[str], quorum: int) -> str:
    """Raises `Invalid` unless `quorum` of the `witnesses` cosigned, and for a wrong cosignature by any of them."""
    known = keys_at(state.keys, state.checkpoint.size)
    _, seen = verify_witnessed(
        bundle.files["checkpoint.note"],
        known,
        [parse_witness_key(line) for line in witnesses],
        origin=state.checkpoint.origin,
        quorum=quorum,
    )
    return f"cosigned by {', '.join(sorted(one.witness for one in seen))}" if seen else "no witness was asked for"


def check_since(bundle: Bundle, state: State, earlier: bytes | None) -> str:
    """Raises `WrongError` unless the log only grew since the `earlier` checkpoint, signed by the key then in force."""
    checkpoint, proven = state.checkpoint, None
    if "log/consistency.json" in bundle.files:
        proof = bundle.json("log/consistency.json")
        proven, hashes = (proof["size"], proof["root"]), [hash_of(one) for one in proof["hashes"]]
        root = hash_of(proof["root"])
        if not merkle.verify_consistency(proof["size"], checkpoint.size, root, checkpoint.root, hashes):
            raise WrongError(f"the log was changed since it had {proof['size']} entries")
    if earlier is None:
        return "no earlier state was given"
    before = verify_in_force(earlier, state.keys, origin=checkpoint.origin)
    same = (before.size, before.root) == (checkpoint.size, checkpoint.root)
    if not same and proven != (before.size, f"sha256:{before.root.hex()}"):
        raise WrongError(f"it has no proof since your state of {before.size} entries: export it with --since")
    return f"the log only grew since it had {before.size} entries"
