"""Reads the log's storage as it lies there, for `domain/fsck.py`."""

from __future__ import annotations

from collections.abc import Collection

from services.evidence.domain import fsck
from services.evidence.domain.fsck import Ends, StoredEntry
from services.evidence.storage.journal import full_tiles, tree_edge
from shared.crypto.tiles import TileId
from shared.errors import Invalid
from shared.mongo import Database, Session, in_transaction


class Inspection:
    """The log's collections, beside the journal that writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def size(self) -> int:
        """How many entries the tree is said to have."""
        state = await self._database.collection("log_state").get("log")
        return int(state["size"]) if state else 0

    async def rows(self, first: int, count: int) -> list[StoredEntry]:
        """At most `count` entries from `first` on."""
        where = {"_id": {"$gte": first, "$lt": first + count}}
        return [
            StoredEntry(row["_id"], bytes(row["entry"]), bytes(row["leaf"]), row["about"])
            for row in await self._database.collection("log_entries").find(where, limit=max(count, 1))
        ]

    async def tiles(self, wanted: Collection[TileId]) -> dict[TileId, bytes]:
        """Those of the wanted tiles that are stored, unfinished ones included."""
        try:
            unfinished = (await tree_edge(self._database)).tiles()
        except Invalid:
            unfinished = {}  # `ends` says so.
        found = {tile: hashes for tile, hashes in unfinished.items() if tile in wanted}
        return found | await full_tiles(self._database, wanted)

    async def ends(self) -> list[str]:
        """What is wrong with the whole, at one moment: the log may grow meanwhile."""
        return await in_transaction(self._database, _ends)


async def _ends(session: Session) -> list[str]:
    entries = session.collection("log_entries")
    try:
        edge = await tree_edge(session)
    except Invalid as error:
        return [error.message]
    inside = await entries.count({"_id": {"$gte": 0, "$lt": edge.size}})
    all_of_them = await entries.count({})
    ends = Ends(edge, inside, await session.collection("log_tiles").count({}), all_of_them - inside)
    signed = await session.collection("checkpoints").find_one({}, sort=(("_id", -1),))
    return fsck.check_ends(ends, (signed["_id"], bytes(signed["root"])) if signed else None)
