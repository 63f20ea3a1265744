"""A whole log in memory, as an honest server would serve it, for tests to falsify."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from shared.crypto import cosignature, keys, merkle, note
from shared.crypto.log_audit import Entry, LogAudit, Signed
from shared.crypto.log_keys import Handover, KeySpan, handover_digest
from shared.crypto.note_keys import WitnessKey

ORIGIN = "hallmark.example/log"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def entry_bytes(number: int, kind: str = "evidence", digest: str | None = None, at: datetime | None = None) -> bytes:
    when = at or START + timedelta(seconds=number)
    said = {"kind": kind, "subject": f"s-{number}", "digest": digest or f"d-{number}", "recorded_at": when.isoformat()}
    return json.dumps(said).encode()


@dataclass
class SmallLog:
    """Grows as told, signs what it is told to."""

    private: keys.PrivateKey = field(default_factory=keys.generate)
    entries: list[Entry] = field(default_factory=list)
    signed: list[Signed] = field(default_factory=list)
    nodes: dict[merkle.NodeId, bytes] = field(default_factory=dict)
    frontier: merkle.Frontier = field(default_factory=merkle.Frontier)
    spans: list[KeySpan] = field(default_factory=list)
    handovers: list[Handover] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.spans.append(KeySpan(self.key, 0))

    @property
    def key(self) -> note.NoteKey:
        return note.NoteKey(ORIGIN, self.private.public_key())

    def append(self, data: bytes) -> None:
        leaf = merkle.leaf_hash(data)
        self.entries.append(Entry(self.frontier.size, data, leaf))
        self.frontier, completed = self.frontier.append(leaf)
        self.nodes |= {node.id: node.hash for node in completed}

    def grow(self, count: int) -> Signed:
        """So many more entries, and a checkpoint over them."""
        for _ in range(count):
            self.append(entry_bytes(self.frontier.size))
        return self.sign(self.private)

    def sign(self, *privates: keys.PrivateKey) -> Signed:
        checkpoint = note.Checkpoint(ORIGIN, self.frontier.size, self.frontier.root())
        made = Signed(checkpoint.size, checkpoint.root, note.sign_checkpoint(checkpoint, *privates))
        self.signed.append(made)
        return made

    def rotate(self) -> Handover:
        """Hand over to a new key, with an entry and a checkpoint by both keys."""
        old, fresh = self.private, keys.generate()
        before, after = str(self.key), str(note.NoteKey(ORIGIN, fresh.public_key()))
        index = self.frontier.size
        self.append(entry_bytes(index, "key", handover_digest(ORIGIN, before, after)))
        made = self.sign(old, fresh)
        proof = self.inclusion(index, made.size)
        handover = Handover(before, after, self.entries[index].data, index, proof, made.note)
        self.handovers.append(handover)
        self.private = fresh
        last = self.spans.pop()
        self.spans += [KeySpan(last.key, last.since, made.size), KeySpan(self.key, made.size)]
        return handover

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        return merkle.inclusion_proof(index, size, self.nodes.__getitem__)

    def consistency(self, first: int, second: int) -> tuple[bytes, ...]:
        return merkle.consistency_proof(first, second, self.nodes.__getitem__)

    def audit(self, *witnesses: WitnessKey, kept: tuple[note.Checkpoint, ...] = ()) -> list[str]:
        """The codes of what an auditor finds wrong."""
        audit = LogAudit(ORIGIN, self.spans, witnesses, kept)
        for _ in audit.run(self.entries, self.signed):
            pass
        return [problem.code for problem in audit.problems]


@dataclass
class WitnessOf:
    """A witness that signs whatever it is shown."""

    name: str = "witness.example/a"
    private: keys.PrivateKey = field(default_factory=keys.generate)

    @property
    def key(self) -> WitnessKey:
        public = self.private.public_key()
        assert not isinstance(public, EllipticCurvePublicKey)
        return WitnessKey(self.name, public)

    def cosign(self, signed: bytes, at: datetime = START + timedelta(days=1)) -> bytes:
        text = note.parts(signed)[0]
        return note.with_lines(signed, [cosignature.cosign(text, self.name, self.private, int(at.timestamp()))])
