"""The tree in tiles is the tree of RFC 6962: every node, root and proof is what the plain tree gives."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.crypto import merkle, tiles
from shared.crypto.merkle import NodeId
from shared.crypto.tiles import Edge, TileId
from shared.errors import Invalid


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in range(count)]


def grown(*batches: list[bytes]) -> tuple[Edge, dict[TileId, bytes]]:
    edge = Edge()
    kept: dict[TileId, bytes] = {}
    for batch in batches:
        edge, full = edge.grown(batch)
        kept |= full
    return edge, kept


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 65535, 65536, 65537, 66000])
def test_the_root_is_that_of_the_plain_tree(size: int) -> None:
    edge, kept = grown(leaves(size))
    frontier = merkle.Frontier()
    for leaf in leaves(size):
        frontier, _ = frontier.append(leaf)
    assert edge.frontier() == frontier
    assert all(len(tile) == tiles.TILE_BYTES for tile in kept.values())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=5), st.randoms(use_true_random=False))
def test_proofs_from_tiles_verify_however_the_log_was_batched(sizes: list[int], random: object) -> None:
    every = leaves(sum(sizes))
    batches, start = [], 0
    for size in sizes:
        batches.append(every[start : start + size])
        start += size
    edge, kept = grown(*batches)
    assert edge == grown(every)[0]
    found = kept | edge.tiles()
    if not every:
        return
    root = edge.frontier().root()
    index = random.randrange(len(every))  # type: ignore[attr-defined]
    needed = {tiles.tile_of(node) for node in merkle.inclusion_nodes(index, edge.size)}
    assert needed <= found.keys()
    proof = merkle.inclusion_proof(index, edge.size, lambda node: tiles.node_in(found, node))
    assert merkle.verify_inclusion(every[index], index, edge.size, proof, root)
    before = merkle.root(every[: index + 1])
    proof = merkle.consistency_proof(index + 1, edge.size, lambda node: tiles.node_in(found, node))
    assert merkle.verify_consistency(index + 1, edge.size, before, root, proof)


def test_every_node_is_computed_from_its_tile() -> None:
    edge, kept = grown(leaves(1000))
    found = kept | edge.tiles()
    frontier = merkle.Frontier()
    for leaf in leaves(1000):
        frontier, completed = frontier.append(leaf)
        for node in completed:
            assert tiles.node_in(found, node.id) == node.hash


def test_a_node_beyond_the_edge_is_no_node() -> None:
    edge, _ = grown(leaves(5))
    with pytest.raises(KeyError):
        tiles.node_in(edge.tiles(), NodeId(0, 5))
    with pytest.raises(KeyError):
        tiles.node_in(edge.tiles(), NodeId(1, 2))


@pytest.mark.parametrize(("size", "unfinished"), [(1, ()), (0, (b"",)), (2, (b"x" * 32,)), (256, (b"",))])
def test_an_edge_that_does_not_fit_its_size_is_refused(size: int, unfinished: tuple[bytes, ...]) -> None:
    with pytest.raises(Invalid):
        Edge(size, unfinished)
