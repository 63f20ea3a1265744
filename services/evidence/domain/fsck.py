"""Whether what is stored of the log is one sound tree: entries, their index, tiles, and the ends.

- Each row is compared with its own bytes and with its place in the tile above it, each full tile with its place in the
  next one. So when every row and tile holds, the whole tree does, however it is cut into pages.
- The ends: as many entries and full tiles as the size says, none outside, and the newest checkpoint of this very tree.
- Signatures are not looked at here: anybody can do that from outside (`shared/crypto/log_audit.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from shared.crypto import merkle
from shared.crypto.merkle import NodeId
from shared.crypto.tiles import HEIGHT, TILE_BYTES, Edge, TileId, Tiles, node_in, subtree_root, tile_of


@dataclass(frozen=True)
class StoredEntry:
    """One entry as it is stored."""

    index: int
    data: bytes
    leaf: bytes
    about: Collection[str]


@dataclass(frozen=True)
class Ends:
    """What must fit the size of the tree."""

    edge: Edge
    entries: int
    """How many entries are stored below the size."""
    full_tiles: int
    """How many full tiles are stored."""
    strays: int
    """How many entries lie outside of the tree."""


def tiles_for(first: int, count: int) -> set[TileId]:
    """All tiles that `check_rows` looks at for these entries: those they lie in or fill, and those above the filled."""
    wanted: set[TileId] = set()
    for place in range(first, first + count):
        wanted.add(tile_of(NodeId(0, place)))
        for filled in filled_by(place):
            wanted |= {filled, TileId(filled.level + 1, filled.index >> HEIGHT)}
    return wanted


def filled_by(place: int) -> list[TileId]:
    """The tiles that the entry at `place` fills, the lowest first."""
    filled: list[TileId] = []
    while (place + 1) % (1 << HEIGHT * (len(filled) + 1)) == 0:
        filled.append(TileId(len(filled), place >> HEIGHT * (len(filled) + 1)))
    return filled


def check_rows(first: int, rows: Sequence[StoredEntry], tiles: Tiles) -> list[str]:
    """What is wrong with consecutive entries from `first` on, and with the tiles they fill."""
    problems: list[str] = []
    for place, row in enumerate(rows, start=first):
        if row.index != place:
            return [*problems, f"entry {place} is missing; the next one stored is {row.index}"]
        if row.leaf != merkle.leaf_hash(row.data):
            problems.append(f"entry {place} has the leaf hash of something else")
        if not _named(row.data) <= set(row.about):
            problems.append(f"entry {place} cannot be found by its subject and digest")
        if _stored(tiles, NodeId(0, place)) != row.leaf:
            problems.append(f"tile {tile_of(NodeId(0, place))} does not hold the leaf of entry {place}")
        problems += [
            f"tile {filled} is missing, or is not the one that the tile above it holds"
            for filled in filled_by(place)
            if _wrong(filled, tiles)
        ]
    return problems


def check_ends(ends: Ends, signed: tuple[int, bytes] | None) -> list[str]:
    """What is wrong with the whole; `signed` is size and root of the newest checkpoint."""
    size = ends.edge.size
    problems = []
    if ends.entries != size:
        problems.append(f"{ends.entries} entries are stored in a tree of {size}")
    if ends.strays:
        problems.append(f"{ends.strays} entries lie outside of the tree")
    if ends.full_tiles != sum(size >> HEIGHT * level for level in range(1, len(ends.edge.unfinished) + 1)):
        problems.append(f"{ends.full_tiles} full tiles are stored, which is not what a tree of {size} has")
    if (signed or (0, merkle.EMPTY_ROOT)) != (size, ends.edge.frontier().root()):
        problems.append("the newest checkpoint is not of the tree as it is stored")
    return problems


def _wrong(filled: TileId, tiles: Tiles) -> bool:
    """Whether a full tile is not there, or not the one whose root the tile above holds."""
    hashes = tiles.get(filled, b"")
    above = _stored(tiles, NodeId(HEIGHT * (filled.level + 1), filled.index))
    return len(hashes) != TILE_BYTES or above != subtree_root(hashes)


def _stored(tiles: Tiles, node: NodeId) -> bytes | None:
    try:
        return node_in(tiles, node)
    except KeyError:
        return None


def _named(data: bytes) -> set[str]:
    try:
        said = json.loads(data)
        return {str(said["subject"]), str(said["digest"])}
    except (ValueError, KeyError, TypeError):
        return {"an entry that can be read"}
