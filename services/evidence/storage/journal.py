"""The transparency log: a queue in the transaction of each fact, and the tree that one sequencer grows from it.

- A fact queues its entry in its own transaction, so nothing is accepted without an entry to come.
- One sequencer at a time, under a lease that its transaction is fenced by, gives out the indexes; a batch of entries,
  their nodes, the new frontier and the signed checkpoint (`checkpoints.py`) are one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contracts.evidence.v1.events import PassageAttested
from contracts.evidence.v1.views import LoggedEntry, LogPage
from services.evidence.domain.log import LogEntry
from shared.crypto import merkle
from shared.errors import Invalid, NotFound
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Index

INDEXES: dict[str, tuple[Index, ...]] = {
    "log_queue": (Index((("order", 1), ("place", 1))),),
    "log_entries": (Index((("about", 1), ("_id", 1))),),
    "log_nodes": (),
    "log_state": (),
}
_STATE = "log"


@dataclass(frozen=True)
class Logged:
    """What a batch has done to the log."""

    size: int
    root: bytes
    announcements: tuple[PassageAttested, ...]


def _hex(digest: bytes) -> str:
    return "sha256:" + digest.hex()


class Journal:
    """The log as handlers and the sequencer see it."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._queue = unit.collection("log_queue")
        self._entries = unit.collection("log_entries")
        self._nodes = unit.collection("log_nodes")
        self._state = unit.collection("log_state")
        self._place = 0

    async def enter(self, entry: LogEntry, *about: str, then: PassageAttested | None = None) -> None:
        """Queue an entry; `about` are the ids to find it by, `then` is said once it has its index."""
        if self._unit.session is None:
            raise RuntimeError("entries are queued in the transaction of their fact")
        await self._queue.add(
            {
                "_id": f"{self._unit.meta.message_id}.{self._place}",
                "order": self._unit.session.causal_time(),
                "place": self._place,
                "entry": entry.canonical(),
                "about": sorted({entry.subject, entry.digest, *about}),
                "then": then.model_dump_json() if then else None,
            }
        )
        self._place += 1

    async def sequence(self, rows: list[Document]) -> Logged:
        """Give queued rows their places in the tree. Only under the lease."""
        frontier = await self.frontier()
        entries, nodes, said = [], [], []
        for row in rows:
            leaf = merkle.leaf_hash(bytes(row["entry"]))
            index = frontier.size
            frontier, completed = frontier.append(leaf)
            entries.append({"_id": index, "entry": row["entry"], "leaf": leaf, "about": row["about"]})
            nodes += [{"_id": f"{node.id.level}/{node.id.index}", "hash": node.hash} for node in completed]
            if row["then"]:
                said.append(PassageAttested.model_validate_json(row["then"]).model_copy(update={"log_index": index}))
        await self._entries.add_all(entries)
        await self._nodes.add_all(nodes)
        await self._state.put({"_id": _STATE, "size": frontier.size, "roots": list(frontier.roots)})
        await self._queue.remove({"_id": {"$in": [row["_id"] for row in rows]}})
        return Logged(frontier.size, frontier.root(), tuple(said))

    async def frontier(self) -> merkle.Frontier:
        """The tree as far as it has grown."""
        state = await self._state.get(_STATE)
        return (
            merkle.Frontier(state["size"], tuple(bytes(root) for root in state["roots"]))
            if state
            else merkle.Frontier()
        )

    async def place_of(self, about: str) -> int | None:
        """The index of the first entry about something; None while it has none."""
        found = await self._entries.find_one({"about": about}, sort=(("_id", 1),))
        return found["_id"] if found else None

    async def page(self, about: str | None, after: int, limit: int) -> LogPage:
        """Entries in order."""
        where: Document = {"_id": {"$gt": after}}
        if about:
            where["about"] = about
        found = await self._entries.find(where, limit=limit + 1)
        entries = tuple(
            LoggedEntry(index=one["_id"], entry=bytes(one["entry"]).decode(), leaf_hash=_hex(bytes(one["leaf"])))
            for one in found[:limit]
        )
        return LogPage(entries=entries, next=entries[-1].index if len(found) > limit else None)

    async def leaf(self, index: int) -> bytes:
        """The leaf hash of an entry. Raises `NotFound`."""
        found = await self._entries.get(index)
        if found is None:
            raise NotFound("log_entry_unknown", f"The log has no entry {index}.", remedy="Ask for a smaller index.")
        return bytes(found["leaf"])

    async def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The proof that an entry is in the tree of that size. Raises `Invalid` when it cannot be."""
        await self._check_size(index, size)
        lookup = await self._lookup(merkle.inclusion_nodes(index, size))
        return merkle.inclusion_proof(index, size, lookup.__getitem__)

    async def consistency(self, first: int, second: int) -> tuple[bytes, ...]:
        """The proof that one tree extends the other. Raises `Invalid` for sizes in the wrong order."""
        await self._check_size(first - 1, second)
        lookup = await self._lookup(merkle.consistency_nodes(first, second))
        return merkle.consistency_proof(first, second, lookup.__getitem__)

    async def _check_size(self, index: int, size: int) -> None:
        grown = (await self.frontier()).size
        if not index < size <= grown:
            raise Invalid(
                "log_size_impossible",
                f"There is no proof for place {index} in a tree of {size}: the log has {grown} entries.",
                remedy="Ask within the newest checkpoint's size.",
            )

    async def _lookup(self, wanted: tuple[merkle.NodeId, ...]) -> dict[merkle.NodeId, bytes]:
        keys = {f"{node.level}/{node.index}": node for node in wanted}
        found: list[Any] = await self._nodes.find({"_id": {"$in": list(keys)}}, limit=len(keys) or 1)
        return {keys[one["_id"]]: bytes(one["hash"]) for one in found}
