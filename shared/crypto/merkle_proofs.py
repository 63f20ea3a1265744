"""Hashes of the RFC 6962 Merkle tree, and whether a proof holds: all that somebody needs who only verifies.

- A leaf hash starts with 0x00, a node hash with 0x01, so that no leaf can pose as a node.
- A subtree covers the leaves from `start` up to, not including, `end`; `start` is a multiple of the smallest power of
  two that is not below its width. A tree is the subtree that starts at 0.
- Verifying answers yes or no, and never raises, whatever the proof is made of.

Source: RFC 6962 section 2.1, RFC 9162 sections 2.1.3.2 and 2.1.4.2; for subtrees draft-ietf-plants-merkle-tree-certs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of one entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbouring subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether `proof` shows the leaf hash at `index` of the tree with `size` leaves and `expected_root`."""
    return verify_subtree_inclusion(leaf, index, (0, size), proof, expected_root)


def verify_subtree_inclusion(
    leaf: bytes, index: int, span: tuple[int, int], proof: Sequence[bytes], expected_root: bytes
) -> bool:
    """Whether `proof` shows the leaf hash at `index` of the tree in its subtree `span` with `expected_root`."""
    start, end = span
    if not _is_subtree(start, end) or not start <= index < end:
        return False
    if any(len(item) != HASH_BYTES for item in (leaf, *proof)):
        return False
    position, last, result = index - start, end - start - 1, leaf
    for item in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            result = node_hash(item, result)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, item)
        position, last = position >> 1, last >> 1
    return last == 0 and result == expected_root


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the second tree holds all of the first, unchanged and in order.

    Nothing can be shown about an empty first tree: the answer is then no.
    """
    return first > 0 and verify_subtree_consistency((0, first), second, first_root, second_root, proof)


def verify_subtree_consistency(
    span: tuple[int, int], size: int, subtree_root: bytes, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the subtree `span` with its root is part of the tree of `size` leaves with `root`.

    An empty subtree is part of every tree: then only its own root and the absence of a proof count.
    """
    start, end = span
    if start == end and 0 <= start <= size:
        return not proof and subtree_root == EMPTY_ROOT
    if not _is_subtree(start, end) or end > size or any(len(item) != HASH_BYTES for item in proof):
        return False
    first, position, last = start, end - 1, size - 1
    while first != position and (position & 1 or position == last):
        first, position, last = first >> 1, position >> 1, last >> 1
    # A subtree that is a node of the tree starts the path itself; its verifier knows that hash already.
    path = [subtree_root, *proof] if first == position else list(proof)
    if not path:
        return False
    old = new = path[0]
    for item in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old = node_hash(item, old) if first < position else old
            new = node_hash(item, new)
            while not position & 1 and position:
                first, position, last = first >> 1, position >> 1, last >> 1
        else:
            new = node_hash(new, item)
        first, position, last = first >> 1, position >> 1, last >> 1
    return last == 0 and old == subtree_root and new == root


def _is_subtree(start: int, end: int) -> bool:
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0
