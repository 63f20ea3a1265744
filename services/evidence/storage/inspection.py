"""Reads the log's storage as it lies there, for `domain/fsck.py`."""

from __future__ import annotations

from collections.abc import Collection

from services.evidence.domain import fsck
from services.evidence.domain.fsck import Ends, StoredEntry
from shared.crypto import merkle
from shared.crypto.merkle import NodeId
from shared.messaging.scope import Scope
from shared.mongo import Database, Document, Session, in_transaction


class Inspection:
    """The log's collections, beside the journal that writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def size(self) -> int:
        """How many entries the tree is said to have."""
        return int((await _state(self._database))["size"])

    async def rows(self, first: int, count: int) -> list[StoredEntry]:
        """At most `count` entries from `first` on."""
        where = {"_id": {"$gte": first, "$lt": first + count}}
        return [
            StoredEntry(row["_id"], bytes(row["entry"]), bytes(row["leaf"]), row["about"])
            for row in await self._database.collection("log_entries").find(where, limit=max(count, 1))
        ]

    async def nodes(self, wanted: Collection[NodeId]) -> dict[NodeId, bytes]:
        """Those of the wanted nodes that are stored."""
        return await _nodes(self._database, wanted)

    async def ends(self) -> list[str]:
        """What is wrong with the whole, at one moment: the log may grow meanwhile."""
        return await in_transaction(self._database, _ends)


async def _ends(session: Session) -> list[str]:
    entries = session.collection("log_entries")
    state = await _state(session)
    size, roots = state["size"], tuple(bytes(root) for root in state["roots"])
    inside = await entries.count({"_id": {"$gte": 0, "$lt": size}})
    all_of_them = await entries.count({})
    ends = Ends(size, roots, inside, await session.collection("log_nodes").count({}), all_of_them - inside)
    signed = await session.collection("checkpoints").find_one({}, sort=(("_id", -1),))
    newest = (signed["_id"], bytes(signed["root"])) if signed else None
    return fsck.check_ends(ends, await _nodes(session, merkle.root_nodes(size)), newest)


async def _state(scope: Scope) -> Document:
    return await scope.collection("log_state").get("log") or {"size": 0, "roots": []}


async def _nodes(scope: Scope, wanted: Collection[NodeId]) -> dict[NodeId, bytes]:
    names = {f"{node.level}/{node.index}": node for node in wanted}
    rows = await scope.collection("log_nodes").find({"_id": {"$in": list(names)}}, limit=len(names) or 1)
    return {names[row["_id"]]: bytes(row["hash"]) for row in rows}
