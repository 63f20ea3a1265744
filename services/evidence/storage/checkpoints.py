"""Signed states of the log, their cosignatures, and giving them out.

- Of each size there is one checkpoint, made in the transaction that grows the log to this size.
- A checkpoint leaves the process only after `GivenOut` has it on disk.
- For each number of cosignatures the newest state that has so many is remembered, so that nobody has to search.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from services.evidence.domain.signing_keys import Succession
from services.evidence.keyring import Keyring
from services.evidence.storage.signing_keys import hand_over, known_succession
from shared.crypto import note
from shared.crypto.cosignature import Cosignature
from shared.messaging.scope import Scope
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {"checkpoints": (), "witnessed": ()}


@dataclass(frozen=True)
class Kept:
    """One signed state as it is stored."""

    size: int
    root: bytes
    note: str
    """As the log signed it."""
    cosignatures: tuple[Cosignature, ...] = ()

    @property
    def whole(self) -> str:
        """The note with all cosignatures."""
        return note.with_lines(self.note.encode(), [one.line for one in self.cosignatures]).decode()


class Checkpoints:
    """The log's signed states, as handlers and the sequencer see them."""

    def __init__(self, unit: UnitOfWork, keyring: Keyring) -> None:
        self._scope: Scope = unit.session or unit.database
        self._keyring = keyring
        self._checkpoints = unit.collection("checkpoints")
        self._witnessed = unit.collection("witnessed")

    async def sign(self, size: int, root: bytes, known: Succession | None = None) -> tuple[Kept, Succession]:
        """Sign the state that this transaction grows the log to; the state, and the keys as it leaves them.

        A log never signs two states of one size. When it covers the entry about a handover, both keys sign, and the new
        one is in force from here on. `known`: the keys, when nothing that grows the log here changes them. Raises
        `Transient` when this process does not hold the keys.
        """
        keys = known or await known_succession(self._scope, self._keyring)
        names = [keys.in_force.verifier_key]
        if keys.coming and await self._covers(keys.digest_of(keys.coming)):
            names.append(keys.coming.verifier_key)
            await hand_over(self._scope, keys.coming, size)
            keys = await known_succession(self._scope, self._keyring)
        privates = [self._keyring.signer(name).private for name in names]
        signed = note.sign_checkpoint(note.Checkpoint(self._keyring.origin, size, root), *privates)
        await self._checkpoints.add({"_id": size, "root": root, "note": signed.decode(), "cosigned": []})
        return Kept(size, root, signed.decode()), keys

    async def newest(self) -> Kept | None:
        """The newest state, safe to give out; None while the log is empty. Raises `Transient` as `GivenOut`."""
        found = await self._checkpoints.find({}, sort=(("_id", -1),), limit=1)
        return await give_out(self._keyring, _from_document(found[0]), newest=True) if found else None

    async def at(self, size: int) -> Kept | None:
        """The state of that size, not to be given out."""
        found = await self._checkpoints.get(size)
        return _from_document(found) if found else None

    async def witnessed(self, quorum: int) -> Kept | None:
        """The newest state with at least that many cosignatures."""
        pointer = await self._witnessed.get(quorum)
        found = await self.at(pointer["size"]) if pointer else None
        return await give_out(self._keyring, found) if found else None

    async def page(
        self, after: int, limit: int, *, before: int | None = None, newest_first: bool = False
    ) -> list[Kept]:
        """States in the order of their sizes, or the newest first."""
        where: Document = {"_id": {"$gt": after} | ({} if before is None else {"$lt": before})}
        order = (("_id", -1 if newest_first else 1),)
        return [_from_document(one) for one in await self._checkpoints.find(where, sort=order, limit=limit)]

    async def cosign(self, size: int, cosignature: Cosignature) -> Kept:
        """Keep a verified cosignature; the first of each witness stays."""
        added = {"witness": cosignature.witness, "time": cosignature.time, "line": cosignature.line}
        where = {"_id": size, "cosigned.witness": {"$ne": cosignature.witness}}
        changed = await self._checkpoints.change(where, {"$push": {"cosigned": added}})
        if changed is None:
            unchanged = await self._checkpoints.get(size)
            return _from_document(unchanged or {})
        count = len(changed["cosigned"])
        await self._witnessed.update({"_id": count}, {"$max": {"size": size}}, upsert=True)
        return _from_document(changed)

    async def _covers(self, digest: str) -> bool:
        return await self._scope.collection("log_entries").find_one({"about": digest}) is not None


async def give_out(keyring: Keyring, kept: Kept, *, newest: bool = False) -> Kept:
    """Have a state on file before it leaves the process.

    Raises `Transient` when it is said to be the newest and a newer one was given out, `OSError` when the disk refuses.
    """
    given = keyring.given_out.size
    if kept.size > given or (newest and kept.size < given):
        await asyncio.to_thread(keyring.given_out.remember, kept.note.encode())
    return kept


def _from_document(found: Document) -> Kept:
    cosigned = tuple(Cosignature(one["witness"], one["time"], one["line"]) for one in found.get("cosigned", []))
    return Kept(found["_id"], bytes(found["root"]), found["note"], cosigned)
