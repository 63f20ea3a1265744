"""Watching a log from outside: all that it ever gave out is kept, and must hold ever after."""

from __future__ import annotations

from dataclasses import dataclass, field

from contracts.evidence.v1 import log as asks
from contracts.evidence.v1 import queries, views
from contracts.evidence.v1.commands import Receipt
from shared.crypto import merkle, note
from shared.crypto.log_audit import Entry, LogAudit, Signed
from shared.crypto.log_keys import KeySpan
from shared.messaging.asking import Asker


def hashed(digest: str) -> bytes:
    return bytes.fromhex(digest.removeprefix("sha256:"))


@dataclass
class LogWatch:
    """Somebody who keeps every checkpoint, and believes only what follows from those."""

    asker: Asker
    origin: str
    kept: dict[int, note.Checkpoint] = field(default_factory=dict)
    key: note.NoteKey | None = None
    """The first one seen: none of these tests hands over to another."""

    def keep(self, given: views.Checkpoint) -> note.Checkpoint:
        self.key = self.key or note.parse_key(given.verifier_keys[0])
        signed = note.verify_checkpoint(given.note.encode(), [self.key], origin=self.origin)
        assert self.kept.setdefault(signed.size, signed) == signed, "two states of one size were given out"
        return signed

    async def look(self, deadline: float = 10.0) -> note.Checkpoint:
        return self.keep(await self.asker.ask(queries.ReadCheckpoint(), views.Checkpoint, deadline=deadline))

    def check(self, receipt: Receipt) -> int:
        """The receipt alone proves where its log has the evidence."""
        proof = receipt.inclusion
        assert proof is not None
        assert receipt.log_index == proof.index
        signed = self.keep(proof.checkpoint)
        leaf, hashes = hashed(proof.leaf_hash), [hashed(one) for one in proof.hashes]
        assert merkle.verify_inclusion(leaf, proof.index, signed.size, hashes, signed.root)
        return proof.index

    async def entries(self) -> list[views.LoggedEntry]:
        found: list[views.LoggedEntry] = []
        after: int | None = -1
        while after is not None:
            page = await self.asker.ask(queries.ListLogEntries(after=after, limit=500), views.LogPage)
            found, after = [*found, *page.entries], page.next
        return found

    async def problems(self) -> list[str]:
        """What the service finds in its storage, and what an auditor finds in what it serves."""
        found: list[str] = []
        after: int | None = -1
        while after is not None:
            inspected = await self.asker.ask(asks.InspectLog(after=after), asks.LogInspection)
            found, after = [*found, *inspected.problems], inspected.next
        return found + await self._audited()

    async def _audited(self) -> list[str]:
        size = (await self.look()).size
        signed: list[asks.SignedState] = []
        after: int | None = 0
        while after is not None:
            page = await self.asker.ask(asks.ListCheckpoints(after=after), asks.CheckpointPage)
            signed, after = [*signed, *page.checkpoints], page.next
        entries = [Entry(one.index, one.entry.encode(), hashed(one.leaf_hash)) for one in (await self.entries())[:size]]
        assert self.key is not None
        audit = LogAudit(self.origin, [KeySpan(self.key, 0)], kept=tuple(self.kept.values()))
        states = [Signed(one.size, hashed(one.root), one.note.encode()) for one in signed if one.size <= size]
        for _ in audit.run(entries, states):
            pass
        return [f"{one.code} at {one.place}: {one.detail}" for one in audit.problems]
