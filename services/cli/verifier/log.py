"""The log's part of a bundle: who signed its state, which entries are in it, and what it was before.

- Every entry is proven to be in the tree of the one checkpoint, and every entry is about something in the bundle.
- The log's key is yours when you give one; else the bundle's own, which shows only that it is consistent in itself.
- Witnesses are believed when you name them, and only then: a line by anybody else says nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.cli.verifier.reading import Bundle, WrongError
from shared.crypto import keys, merkle, note, strict_json

_COSIGNATURE = 4
_COSIGNATURE_BYTES = 4 + 8 + 64


class Entry(NamedTuple):
    """One entry of the log."""

    place: int
    """Its index."""
    kind: str
    subject: str
    digest: str
    record: str | None
    recorded_at: datetime


class Log:
    """The entries of a bundle, proven to be in the signed tree."""

    def __init__(self, bundle: Bundle, checkpoint: note.Checkpoint) -> None:
        self.project: str = bundle.about["project"]
        self._used: set[int] = set()
        self.entries = [self._entry(one, checkpoint) for one in bundle.json("log/entries.json")["entries"]]
        if not self.entries or len({entry.place for entry in self.entries}) != len(self.entries):
            raise WrongError("it holds no log entry, or one twice")

    def about(self, digest: str, *kinds: str, subject: str | None = None) -> list[Entry]:
        """The entries of these kinds with that record or digest, in the log's order. Raises `WrongError` for none."""
        found = [
            entry
            for entry in self.entries
            if digest == (entry.record or entry.digest) and entry.kind in kinds and subject in {None, entry.subject}
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
        if said["v"] not in {1, 2} or said["project"] not in {self.project, "*"}:
            raise WrongError(f"entry {one['index']} is of another form, or of another project")
        at = datetime.fromisoformat(said["recorded_at"])
        return Entry(one["index"], said["kind"], said["subject"], said["digest"], said.get("record"), at)


def hash_of(digest: str) -> bytes:
    """The bytes of a `sha256:` digest. Raises `WrongError` for any other spelling."""
    value = bytes.fromhex(digest.removeprefix("sha256:"))
    if f"sha256:{value.hex()}" != digest:
        raise WrongError(f"{digest[:100]!r} is no digest")
    return value


def signed_state(bundle: Bundle, given: Sequence[str]) -> note.Checkpoint:
    """The checkpoint, signed by each of the bundle's log keys, and by one of the `given` ones if there are any."""
    signed, own = bundle.files["checkpoint.note"], bundle.json("keys.json")
    for line in own["log_verifier_keys"]:
        key = note.parse_key(line)
        if str(key) != line:
            raise WrongError("a key of the log is spelt in an unusual way")
        checkpoint = note.verify_checkpoint(signed, [key], origin=own["log_origin"])
    if given:
        checkpoint = note.verify_checkpoint(signed, [note.parse_key(line) for line in given], origin=own["log_origin"])
    if not own["log_verifier_keys"]:
        raise WrongError("it names no key of the log")
    return checkpoint


def check_witnesses(bundle: Bundle, witnesses: Sequence[str], quorum: int) -> str:
    """Raises `WrongError` unless `quorum` of the `witnesses` cosigned, and for a wrong cosignature by any of them."""
    text, _, lines = bundle.files["checkpoint.note"].decode().rpartition("\n\n")
    seen = set()
    for line in witnesses:
        name, key_id, public = _witness_key(line)
        for _, signer, encoded in (one.split(" ") for one in lines.splitlines()):
            value = base64.b64decode(encoded, validate=True)
            if signer == name and value[:4] == key_id:
                message = f"cosignature/v1\ntime {int.from_bytes(value[4:12], 'big')}\n{text}\n".encode()
                if len(value) != _COSIGNATURE_BYTES or not keys.verify(public, message, value[12:]):
                    raise WrongError(f"the cosignature of {name} is wrong")
                seen.add(name)
    if len(seen) < quorum:
        raise WrongError(f"{len(seen)} of your witnesses cosigned the log's state, {quorum} are wanted")
    return f"cosigned by {', '.join(sorted(seen))}" if seen else "no witness was asked for"


def _witness_key(line: str) -> tuple[str, bytes, keys.PublicKey]:
    name, _, rest = line.partition("+")
    key_id, _, encoded = rest.partition("+")
    typed = base64.b64decode(encoded, validate=True)
    expected = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
    if not name or typed[:1] != bytes([_COSIGNATURE]) or expected.hex() != key_id:
        raise WrongError(f"{line[:100]!r} is no key of a witness")
    return name, expected, Ed25519PublicKey.from_public_bytes(typed[1:])


def check_since(bundle: Bundle, checkpoint: note.Checkpoint, earlier: bytes | None, given: Sequence[str]) -> str:
    """Raises `WrongError` unless the log only grew since the `earlier` checkpoint, which its key must have signed."""
    proven: tuple[int, str] | None = None
    if "log/consistency.json" in bundle.files:
        proof = bundle.json("log/consistency.json")
        proven, hashes = (proof["size"], proof["root"]), [hash_of(one) for one in proof["hashes"]]
        root = hash_of(proof["root"])
        if not merkle.verify_consistency(proof["size"], checkpoint.size, root, checkpoint.root, hashes):
            raise WrongError(f"the log was changed since it had {proof['size']} entries")
    if earlier is None:
        return "no earlier state was given"
    own = bundle.json("keys.json")
    known = [note.parse_key(line) for line in given or own["log_verifier_keys"]]
    before = note.verify_checkpoint(earlier, known, origin=own["log_origin"])
    same = (before.size, before.root) == (checkpoint.size, checkpoint.root)
    if not same and proven != (before.size, f"sha256:{before.root.hex()}"):
        raise WrongError(f"it has no proof since your state of {before.size} entries: export it with --since")
    return f"the log only grew since it had {before.size} entries"
