"""The Merkle tree of RFC 6962: growing it, and proofs from stored nodes. Verifying them is in `merkle_proofs.py`.

- A tree of n leaves splits at the largest power of two below n.
- Only complete subtrees are stored; a node is named by its level (0 = leaves) and its index on that level.
  It covers the leaves `index << level` up to, not including, `(index + 1) << level`, and never changes again.
- Growing needs the frontier alone; proofs need the few nodes that `inclusion_nodes` and `consistency_nodes`
  name, which storage fetches before the pure functions assemble them.

Source: RFC 6962 section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.crypto.merkle_proofs import (
    EMPTY_ROOT,
    HASH_BYTES,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from shared.errors import Invalid

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Frontier",
    "Node",
    "NodeId",
    "consistency_nodes",
    "consistency_proof",
    "inclusion_nodes",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root",
    "root_nodes",
    "verify_consistency",
    "verify_inclusion",
]


@dataclass(frozen=True, slots=True)
class NodeId:
    """Names one complete subtree."""

    level: int
    index: int


@dataclass(frozen=True, slots=True)
class Node:
    """One complete subtree and its hash: what storage keeps for ever."""

    id: NodeId
    hash: bytes


NodeLookup = Callable[[NodeId], bytes]
_Range = tuple[int, int]


@dataclass(frozen=True)
class Frontier:
    """All that is needed to grow a tree: its size and the roots of its complete subtrees, the largest first.

    Raises `Invalid` when the two do not fit each other.
    """

    size: int = 0
    roots: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.roots) != self.size.bit_count():
            raise Invalid(
                "frontier_malformed",
                f"A tree of {self.size} leaves cannot have {len(self.roots)} complete subtrees.",
                remedy="Rebuild the frontier from the stored nodes.",
            )

    def append(self, leaf: bytes) -> tuple[Frontier, tuple[Node, ...]]:
        """The frontier after adding the leaf hash `leaf`, and the nodes that this completed, leaf first."""
        roots = list(self.roots)
        grown = Node(NodeId(0, self.size), leaf)
        completed = [grown]
        while (self.size >> grown.id.level) & 1:
            above = NodeId(grown.id.level + 1, grown.id.index >> 1)
            grown = Node(above, node_hash(roots.pop(), grown.hash))
            completed.append(grown)
        return Frontier(self.size + 1, (*roots, grown.hash)), tuple(completed)

    def root(self) -> bytes:
        """The root hash of the whole tree."""
        return _folded(self.roots)


def root(leaves: Sequence[bytes]) -> bytes:
    """The root hash over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier, _ = frontier.append(leaf)
    return frontier.root()


def root_nodes(size: int) -> tuple[NodeId, ...]:
    """The nodes whose hashes are the frontier of a tree of `size` leaves, the largest first."""
    return _complete_subtrees((0, size))


def inclusion_nodes(index: int, size: int) -> tuple[NodeId, ...]:
    """The nodes that the proof of leaf `index` needs. Raises `Invalid` when it is not in the tree."""
    return _all_nodes(_inclusion_ranges(index, size))


def inclusion_proof(index: int, size: int, node: NodeLookup) -> tuple[bytes, ...]:
    """The proof that leaf `index` is in the tree of `size` leaves, from the leaf up to the root."""
    return tuple(_range_hash(span, node) for span in _inclusion_ranges(index, size))


def consistency_nodes(first: int, second: int) -> tuple[NodeId, ...]:
    """The nodes that a consistency proof needs. Raises `Invalid` unless 0 < first <= second."""
    return _all_nodes(_consistency_ranges(first, second))


def consistency_proof(first: int, second: int, node: NodeLookup) -> tuple[bytes, ...]:
    """The proof that the tree of `second` leaves only added to the one of `first`. Empty for equal sizes."""
    return tuple(_range_hash(span, node) for span in _consistency_ranges(first, second))


def _inclusion_ranges(index: int, size: int) -> list[_Range]:
    if not 0 <= index < size:
        raise Invalid(
            "leaf_missing",
            f"A tree of {size} leaves has no leaf {index}.",
            remedy="Ask for an index below the size.",
        )
    ranges: list[_Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def _consistency_ranges(first: int, second: int) -> list[_Range]:
    if not 0 < first <= second:
        raise Invalid(
            "tree_sizes_impossible",
            f"There is no consistency proof from size {first} to size {second}.",
            remedy="Ask from a smaller size above zero to a larger one.",
        )
    ranges: list[_Range] = []
    start, end = 0, second
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start > 0:
        ranges.append((start, end))
    return ranges[::-1]


def _split(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _complete_subtrees(span: _Range) -> tuple[NodeId, ...]:
    start, end = span
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append(NodeId(level, start >> level))
        start += 1 << level
    return tuple(found)


def _all_nodes(ranges: Sequence[_Range]) -> tuple[NodeId, ...]:
    return tuple(node for span in ranges for node in _complete_subtrees(span))


def _range_hash(span: _Range, node: NodeLookup) -> bytes:
    return _folded([node(name) for name in _complete_subtrees(span)])


def _folded(roots: Sequence[bytes]) -> bytes:
    if not roots:
        return EMPTY_ROOT
    result = roots[-1]
    for left in reversed(roots[:-1]):
        result = node_hash(left, result)
    return result
