"""The transparency log: a queue in the transaction of each fact, and the tree that one writer grows.

- A fact queues its entry in its own transaction, so nothing is accepted without an entry to come.
- One writer at a time gives out the indexes: whoever claimed the tree's edge last. Entries, the edge and the signed
  checkpoint of a batch are one transaction, which only a writer at the end of its own claim can commit.
- Entries and full tiles are inserted and never touched again; all that changes is the edge (`shared/crypto/tiles.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from contracts.evidence.v1.events import PassageAttested, PassageWithdrawn
from contracts.evidence.v1.views import LoggedEntry
from services.evidence.domain.log import LogEntry
from services.evidence.recent import RecentLog
from services.evidence.storage import log_search
from shared.crypto import merkle
from shared.crypto.merkle import NodeId
from shared.crypto.tiles import Edge, TileId, node_in, tile_of
from shared.errors import Invalid
from shared.messaging.scope import Scope
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, DuplicateKeyError, Index
from shared.mongo.lease import LeaseLostError

INDEXES: dict[str, tuple[Index, ...]] = {
    "log_queue": (Index((("order", 1), ("place", 1))),),
    log_search.COLLECTION: log_search.INDEXES,
    "log_tiles": (),
    "log_state": (),
}
_STATE = "log"
Said = PassageAttested | PassageWithdrawn
_SAID: dict[str, type[Said]] = {model.subject: model for model in (PassageAttested, PassageWithdrawn)}


@dataclass(frozen=True)
class Pending:
    """An entry without a place yet."""

    entry: bytes
    about: tuple[str, ...]
    """The ids to find it by."""
    then: Said | None = None
    """What is said once it has its index."""

    @classmethod
    def of(cls, entry: LogEntry, *about: str, then: Said | None = None) -> Pending:
        """The entry, to be found by its own ids and `about`."""
        return cls(entry.canonical(), tuple(sorted({entry.subject, entry.digest, *about})), then)

    @property
    def hands_over(self) -> bool:
        """Whether it is about the log's own keys."""
        return b'"kind":"key"' in self.entry

    @classmethod
    def queued(cls, row: Document) -> Pending:
        """As it was queued."""
        # What was queued before there was more to say is an attested passage.
        model = _SAID[row.get("says") or PassageAttested.subject]
        said = model.model_validate_json(row["then"]) if row["then"] else None
        return cls(bytes(row["entry"]), tuple(row["about"]), said)


@dataclass(frozen=True)
class Growth:
    """What a batch has made of the log."""

    first: int
    """The index of its first entry."""
    edge: Edge
    root: bytes
    tiles: dict[TileId, bytes]
    """All that is needed to prove any of its entries."""

    _nodes: dict[NodeId, bytes] = field(default_factory=dict)
    """Nodes as they were computed: the proofs of one batch share most of theirs."""

    def leaf(self, index: int) -> bytes:
        """The leaf hash of an entry of this batch."""
        return self._node(NodeId(0, index))

    def proof(self, index: int) -> tuple[bytes, ...]:
        """The inclusion proof of an entry of this batch."""
        return merkle.inclusion_proof(index, self.edge.size, self._node)

    def _node(self, node: NodeId) -> bytes:
        if node not in self._nodes:
            self._nodes[node] = node_in(self.tiles, node)
        return self._nodes[node]


@dataclass(frozen=True)
class Claim:
    """One writer's right to grow the tree from here on."""

    token: int
    """The fencing token of its lease: a later holder's is greater, and ends this claim."""
    edge: Edge


async def claim_tree(scope: Scope, token: int) -> Claim:
    """Take the tree over, with the token of a lease that is held. Raises `LeaseLostError` when a later one has it."""
    states = scope.collection("log_state")
    if await states.get(_STATE) is None:
        with suppress(DuplicateKeyError):
            await states.add({"_id": _STATE, "size": 0, "unfinished": [], "token": 0})
    state = await states.change({"_id": _STATE, "token": {"$lte": token}}, {"$set": {"token": token}})
    if state is None:
        raise LeaseLostError(_STATE)
    return Claim(token, _edge(state))


def _edge(state: Document) -> Edge:
    return Edge(state["size"], tuple(bytes(tile) for tile in state["unfinished"]))


class Journal:
    """The log as handlers and its writer see it."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._scope: Scope = unit.session or unit.database
        self._queue = unit.collection("log_queue")
        self._entries = unit.collection("log_entries")
        self._tiles = unit.collection("log_tiles")
        self._state = unit.collection("log_state")
        self._place = 0
        self.entered: list[Pending] | None = None
        """Filled instead of the queue when set, by whoever gives entries their places in this very transaction."""

    async def enter(self, entry: LogEntry, *about: str, then: Said | None = None) -> None:
        """Have an entry made; `about` are the ids to find it by, `then` is said once it has its index."""
        pending = Pending.of(entry, *about, then=then)
        if self.entered is None:
            await self.queue([pending])
        else:
            self.entered.append(pending)

    async def queue(self, entries: Sequence[Pending]) -> None:
        """Queue entries, in the transaction of their facts."""
        if self._unit.session is None:
            raise RuntimeError("entries are queued in the transaction of their fact")
        order = await self._unit.session.causal_time()
        await self._queue.add_all(
            [
                {
                    "_id": f"{self._unit.meta.message_id}.{place}",
                    "order": order,
                    "place": place,
                    "entry": pending.entry,
                    "about": list(pending.about),
                    "then": pending.then.model_dump_json() if pending.then else None,
                    "says": pending.then.subject if pending.then else None,
                }
                for place, pending in enumerate(entries, self._place)
            ]
        )
        self._place += len(entries)

    async def take_queued(self, most: int) -> list[Pending]:
        """The oldest queued entries, taken out of the queue."""
        rows = await self._queue.find({}, sort=(("order", 1), ("place", 1)), limit=most)
        if rows:
            await self._queue.remove({"_id": {"$in": [row["_id"] for row in rows]}})
        return [Pending.queued(row) for row in rows]

    async def append(self, entries: Sequence[Pending], claim: Claim) -> Growth:
        """Give entries their places in the tree. Raises `LeaseLostError` when somebody else has claimed it since."""
        leaves = [merkle.leaf_hash(pending.entry) for pending in entries]
        edge, full = claim.edge.grown(leaves)
        # First of all: whoever has lost the claim must not get as far as anything else.
        grown = await self._state.update(
            {"_id": _STATE, "token": claim.token, "size": claim.edge.size},
            {"$set": {"size": edge.size, "unfinished": list(edge.unfinished)}},
        )
        if not grown:
            raise LeaseLostError(_STATE)
        await self._entries.add_all(
            [
                {"_id": index, "entry": pending.entry, "leaf": leaf, "about": list(pending.about)}
                | log_search.filed(pending.entry)
                for index, (pending, leaf) in enumerate(zip(entries, leaves, strict=True), claim.edge.size)
            ]
        )
        await self._tiles.add_all([{"_id": str(tile), "hashes": hashes} for tile, hashes in full.items()])
        return Growth(claim.edge.size, edge, edge.frontier().root(), full | edge.tiles())

    async def edge(self) -> Edge:
        """The tree as far as it has grown."""
        return await tree_edge(self._scope)

    async def place_of(self, about: str) -> int | None:
        """The index of the first entry about something; None while it has none."""
        found = await self._entries.find_one({"about": about}, sort=(("_id", 1),))
        return found["_id"] if found else None

    async def entry(self, index: int) -> LoggedEntry | None:
        """The entry at a place; None where there is none."""
        found = await self._entries.get(index)
        return log_search.logged(found) if found else None

    async def inclusion(
        self, index: int, size: int, edge: Edge, recent: RecentLog | None = None
    ) -> tuple[bytes, tuple[bytes, ...]]:
        """The leaf hash of an entry, and the proof that it is in the tree of that size.

        `edge` is the tree's, at that size or later; `recent` saves reading tiles again. Raises `Invalid` when there is
        no such tree or entry.
        """
        wanted = (*merkle.inclusion_nodes(index, size), NodeId(0, index))
        tiles = await tiles_for(self._scope, wanted, size, edge, recent)
        return node_in(tiles, NodeId(0, index)), merkle.inclusion_proof(index, size, lambda one: node_in(tiles, one))

    async def consistency(self, first: int, second: int) -> tuple[bytes, ...]:
        """The proof that one tree extends the other. Raises `Invalid` for sizes in the wrong order."""
        nodes = merkle.consistency_nodes(first, second)
        tiles = await tiles_for(self._scope, nodes, second, await self.edge())
        return merkle.consistency_proof(first, second, lambda node: node_in(tiles, node))


async def tree_edge(scope: Scope) -> Edge:
    """The tree as far as it has grown."""
    state = await scope.collection("log_state").get(_STATE)
    return _edge(state) if state else Edge()


async def root_at(scope: Scope, size: int) -> bytes:
    """The root of the tree when it had that many entries. Raises `Invalid` or `KeyError` when it cannot be computed."""
    nodes = merkle.root_nodes(size)
    tiles = await tiles_for(scope, nodes, size, await tree_edge(scope))
    return merkle.Frontier(size, tuple(node_in(tiles, node) for node in nodes)).root()


async def tiles_for(
    scope: Scope, nodes: Iterable[NodeId], size: int, edge: Edge, recent: RecentLog | None = None
) -> dict[TileId, bytes]:
    """The tiles from which nodes of a tree of `size` are computed. Raises `Invalid` when `edge` is not that far."""
    if size > edge.size:
        raise Invalid(
            "log_size_impossible",
            f"There is no tree of {size} entries: the log has {edge.size}.",
            remedy="Ask within the newest checkpoint's size.",
        )
    found = edge.tiles()
    wanted = {tile_of(node) for node in nodes} - found.keys()
    if recent is None:
        return found | await full_tiles(scope, wanted)
    known = {tile: recent.tiles[tile] for tile in wanted & recent.tiles.keys()}
    read = await full_tiles(scope, wanted - known.keys())
    recent.keep(read)
    return found | known | read


async def full_tiles(scope: Scope, wanted: Collection[TileId]) -> dict[TileId, bytes]:
    """Those of the wanted tiles that are stored as full."""
    names = {str(tile): tile for tile in wanted}
    rows = await scope.collection("log_tiles").find({"_id": {"$in": list(names)}}, limit=len(names)) if names else []
    return {names[row["_id"]]: bytes(row["hashes"]) for row in rows}
