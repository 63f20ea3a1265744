"""Whether what is stored of the log is one sound tree: entries, their index, nodes, and the ends.

- Each row is compared with its own bytes, and each node with its two children. So when every row and node holds, the
  whole tree does, however it is cut into pages.
- The ends: as many entries and nodes as the size says, none outside, and the frontier made of stored nodes.
- Signatures are not looked at here: anybody can do that from outside (`shared/crypto/log_audit.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from shared.crypto import merkle
from shared.crypto.merkle import NodeId


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

    size: int
    roots: tuple[bytes, ...]
    entries: int
    """How many entries are stored below the size."""
    nodes: int
    """How many nodes are stored."""
    strays: int
    """How many entries lie outside of the tree."""


def completed_by(index: int) -> tuple[NodeId, ...]:
    """The nodes that the leaf `index` completes, itself first."""
    found = [NodeId(0, index)]
    while (index >> found[-1].level) & 1:
        found.append(NodeId(found[-1].level + 1, found[-1].index >> 1))
    return tuple(found)


def nodes_for(first: int, count: int) -> set[NodeId]:
    """All nodes that `check_rows` looks at for these entries."""
    wanted: set[NodeId] = set()
    for index in range(first, first + count):
        for node in completed_by(index):
            wanted.add(node)
            wanted.update(_children(node))
    return wanted


def check_rows(first: int, rows: Sequence[StoredEntry], nodes: Mapping[NodeId, bytes]) -> list[str]:
    """What is wrong with consecutive entries from `first` on, and with the nodes they complete."""
    problems: list[str] = []
    for place, row in enumerate(rows, start=first):
        if row.index != place:
            return [*problems, f"entry {place} is missing; the next one stored is {row.index}"]
        if row.leaf != merkle.leaf_hash(row.data):
            problems.append(f"entry {place} has the leaf hash of something else")
        if not _named(row.data) <= set(row.about):
            problems.append(f"entry {place} cannot be found by its subject and digest")
        problems += [f"node {_name(node)} {wrong}" for node in completed_by(place) if (wrong := _wrong(node, nodes))]
        if nodes.get(NodeId(0, place)) not in (None, row.leaf):
            problems.append(f"node 0/{place} is not the leaf of its entry")
    return problems


def check_ends(ends: Ends, nodes: Mapping[NodeId, bytes], signed: tuple[int, bytes] | None) -> list[str]:
    """What is wrong with the whole; `signed` is size and root of the newest checkpoint."""
    problems = []
    if ends.entries != ends.size:
        problems.append(f"{ends.entries} entries are stored in a tree of {ends.size}")
    if ends.strays:
        problems.append(f"{ends.strays} entries lie outside of the tree")
    if ends.nodes != 2 * ends.size - ends.size.bit_count():
        problems.append(f"{ends.nodes} nodes are stored, which is not what a tree of {ends.size} has")
    if tuple(nodes.get(node) for node in merkle.root_nodes(ends.size)) != ends.roots:
        problems.append("the frontier is not made of the stored nodes")
    elif (signed or (0, merkle.EMPTY_ROOT)) != (ends.size, merkle.Frontier(ends.size, ends.roots).root()):
        problems.append("the newest checkpoint is not of the tree as it is stored")
    return problems


def _wrong(node: NodeId, nodes: Mapping[NodeId, bytes]) -> str:
    stored = nodes.get(node)
    if stored is None:
        return "is missing"
    children = [nodes.get(child) for child in _children(node)]
    left, right = children or (None, None)
    if children and (left is None or right is None or stored != merkle.node_hash(left, right)):
        return "is not the hash of its children"
    return ""


def _children(node: NodeId) -> tuple[NodeId, ...]:
    if node.level == 0:
        return ()
    return NodeId(node.level - 1, 2 * node.index), NodeId(node.level - 1, 2 * node.index + 1)


def _named(data: bytes) -> set[str]:
    try:
        said = json.loads(data)
        return {str(said["subject"]), str(said["digest"])}
    except (ValueError, KeyError, TypeError):
        return {"an entry that can be read"}


def _name(node: NodeId) -> str:
    return f"{node.level}/{node.index}"
