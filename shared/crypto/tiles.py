"""How a Merkle tree is stored: tiles of 256 hashes that never change, and one right edge that does.

- A full tile holds 256 neighbouring hashes of one level: level 0 the leaf hashes, level 1 the roots of full tiles of
  level 0, and so on. Its bytes are those that C2SP tlog-tiles serves.
- All that still grows is the edge: the unfinished tile of each level. Adding an entry reads and writes the edge
  alone, whatever the size of the tree.
- Every other node of the tree is computed from the tile it lies in, with at most 255 hashes.

Source: C2SP tlog-tiles.md; RFC 6962 section 2.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.crypto.merkle import HASH_BYTES, Frontier, NodeId, node_hash
from shared.errors import Invalid

HEIGHT = 8
WIDTH = 1 << HEIGHT
TILE_BYTES = WIDTH * HASH_BYTES


@dataclass(frozen=True, slots=True)
class TileId:
    """Names one tile: its level, 0 above the entries, and its place on that level."""

    level: int
    index: int

    def __str__(self) -> str:
        return f"{self.level}/{self.index}"


Tiles = Mapping[TileId, bytes]
"""Tiles by name; the hashes of each one after the other."""


def tile_of(node: NodeId) -> TileId:
    """The tile from which a node is computed."""
    level, height = divmod(node.level, HEIGHT)
    return TileId(level, node.index << height >> HEIGHT)


def node_in(tiles: Tiles, node: NodeId) -> bytes:
    """The hash of a complete subtree. Raises `KeyError` when its tile is not among `tiles`, or does not reach it."""
    level, height = divmod(node.level, HEIGHT)
    hashes = tiles[tile_of(node)]
    start = (node.index << height) % WIDTH * HASH_BYTES
    end = start + (HASH_BYTES << height)
    if end > len(hashes):
        raise KeyError(f"tile level {level} holds {len(hashes) // HASH_BYTES} hashes, not node {node}")
    return subtree_root(hashes[start:end])


def subtree_root(hashes: bytes) -> bytes:
    """The root over a power of two of hashes, such as those of a full tile."""
    while len(hashes) > HASH_BYTES:
        pairs = range(0, len(hashes), 2 * HASH_BYTES)
        hashes = b"".join(node_hash(hashes[at : at + 32], hashes[at + 32 : at + 64]) for at in pairs)
    return hashes


@dataclass(frozen=True)
class Edge:
    """The right edge of a tree: its size, and the unfinished tile of every level, level 0 first.

    Raises `Invalid` when the two do not fit each other.
    """

    size: int = 0
    unfinished: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        widths = [len(tile) for tile in self.unfinished]
        if widths != [digit * HASH_BYTES for digit in _digits(self.size)]:
            raise Invalid(
                "log_edge_malformed",
                f"A log of {self.size} entries cannot have an edge of {widths} bytes.",
                remedy="Run `hallmark log fsck`; restore the database if it finds damage.",
            )

    def tiles(self) -> dict[TileId, bytes]:
        """The unfinished tiles by name."""
        return {TileId(level, self.size >> HEIGHT * (level + 1)): tile for level, tile in enumerate(self.unfinished)}

    def grown(self, leaves: Iterable[bytes]) -> tuple[Edge, dict[TileId, bytes]]:
        """The edge after adding leaf hashes, and the tiles that this filled."""
        levels = [bytearray(tile) for tile in self.unfinished]
        size = self.size
        full: dict[TileId, bytes] = {}
        for leaf in leaves:
            size += 1
            level, rising = 0, leaf
            while True:
                if level == len(levels):
                    levels.append(bytearray())
                levels[level] += rising
                if len(levels[level]) < TILE_BYTES:
                    break
                filled = bytes(levels[level])
                full[TileId(level, (size >> HEIGHT * (level + 1)) - 1)] = filled
                levels[level].clear()
                level, rising = level + 1, subtree_root(filled)
        return Edge(size, tuple(map(bytes, levels))), full

    def frontier(self) -> Frontier:
        """The roots of the complete subtrees, the largest first."""
        roots: list[bytes] = []
        for tile in reversed(self.unfinished):
            start = 0
            for height in reversed(range(HEIGHT)):
                end = start + (HASH_BYTES << height)
                if len(tile) // HASH_BYTES & 1 << height:
                    roots.append(subtree_root(tile[start:end]))
                    start = end
        return Frontier(self.size, tuple(roots))


def _digits(size: int) -> list[int]:
    """How many hashes the unfinished tile of each level holds: the digits of the size to the base of 256."""
    digits = []
    while size:
        digits.append(size % WIDTH)
        size >>= HEIGHT
    return digits
