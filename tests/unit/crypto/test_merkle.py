from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import merkle, merkle_proofs
from shared.errors import Invalid
from tests.support.counts import say

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
VECTORS = CORPUS / "12-merkle-tlog" / "give"
needs_corpus = pytest.mark.skipif(not VECTORS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")


def naive_root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_consistency(first: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    if first == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if first <= k:
        return [*naive_consistency(first, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_consistency(first - k, leaves[k:], whole=False), naive_root(leaves[:k])]


class Tree:
    """A grown tree: what storage would hold."""

    def __init__(self, size: int) -> None:
        self.leaves = [merkle.leaf_hash(b"entry %d" % number) for number in range(size)]
        self.nodes: dict[merkle.NodeId, bytes] = {}
        self.frontier = merkle.Frontier()
        for leaf in self.leaves:
            self.frontier, completed = self.frontier.append(leaf)
            for node in completed:
                assert node.id not in self.nodes, "a completed node was written twice"
                self.nodes[node.id] = node.hash

    def only(self, needed: Sequence[merkle.NodeId]) -> merkle.NodeLookup:
        return {name: self.nodes[name] for name in needed}.__getitem__


def test_leaf_and_node_hashes_are_of_different_kinds() -> None:
    assert merkle.leaf_hash(b"") == bytes.fromhex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
    left, right = merkle.leaf_hash(b"l"), merkle.leaf_hash(b"r")
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


def test_the_empty_tree_has_the_root_of_the_specification() -> None:
    assert merkle.Frontier().root() == hashlib.sha256(b"").digest() == merkle.root([])


@pytest.mark.parametrize("size", range(1, 40))
def test_growing_gives_the_root_and_exactly_the_complete_nodes(size: int) -> None:
    tree = Tree(size)
    assert tree.frontier.root() == naive_root(tree.leaves) == merkle.root(tree.leaves)
    assert len(tree.nodes) == 2 * size - size.bit_count()
    for name, value in tree.nodes.items():
        start, end = name.index << name.level, (name.index + 1) << name.level
        assert value == naive_root(tree.leaves[start:end])
    assert tuple(tree.nodes[name] for name in merkle.root_nodes(size)) == tree.frontier.roots


@given(st.integers(1, 130).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
def test_inclusion_proofs_are_those_of_the_specification_and_verify(place: tuple[int, int]) -> None:
    size, index = place
    tree = Tree(size)
    proof = merkle.inclusion_proof(index, size, tree.only(merkle.inclusion_nodes(index, size)))
    assert list(proof) == naive_path(index, tree.leaves)
    root = tree.frontier.root()
    assert merkle.verify_inclusion(tree.leaves[index], index, size, proof, root)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"foreign"), index, size, proof, root)
    assert not merkle.verify_inclusion(tree.leaves[index], index, size, proof, merkle.leaf_hash(b"r"))
    assert not merkle.verify_inclusion(tree.leaves[index], index, size, (*proof, root), root)
    if size > 1:
        assert not merkle.verify_inclusion(tree.leaves[index], (index + 1) % size, size, proof, root)
        assert not merkle.verify_inclusion(tree.leaves[index], index, size, proof[:-1], root)


@given(st.integers(1, 130).flatmap(lambda size: st.tuples(st.integers(1, size), st.just(size))))
def test_consistency_proofs_are_those_of_the_specification_and_verify(sizes: tuple[int, int]) -> None:
    first, second = sizes
    tree = Tree(second)
    proof = merkle.consistency_proof(first, second, tree.only(merkle.consistency_nodes(first, second)))
    assert list(proof) == naive_consistency(first, tree.leaves)
    old, new = naive_root(tree.leaves[:first]), tree.frontier.root()
    assert merkle.verify_consistency(first, second, old, new, proof)
    foreign = merkle.leaf_hash(b"foreign")
    assert not merkle.verify_consistency(first, second, foreign, new, proof)
    assert not merkle.verify_consistency(first, second, old, foreign, proof)
    assert not merkle.verify_consistency(first, second, old, new, (*proof, foreign))
    if first != second:
        assert not merkle.verify_consistency(first, second, old, new, proof[:-1])


@given(st.data())
def test_a_tree_with_one_entry_changed_or_dropped_is_never_consistent(data: st.DataObject) -> None:
    second = data.draw(st.integers(2, 60))
    first = data.draw(st.integers(1, second - 1))
    tree, old = Tree(second), naive_root(Tree(first).leaves)
    forged = list(tree.leaves)
    forged[data.draw(st.integers(0, first - 1))] = merkle.leaf_hash(b"rewritten")
    proof = naive_consistency(first, forged)
    assert not merkle.verify_consistency(first, second, old, naive_root(forged), proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_there_is_no_proof_of_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(Invalid):
        merkle.inclusion_nodes(index, size)
    assert not merkle.verify_inclusion(merkle.EMPTY_ROOT, index, size, (), merkle.EMPTY_ROOT)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 5), (6, 5)])
def test_there_is_no_proof_from_nothing_or_backwards(first: int, second: int) -> None:
    with pytest.raises(Invalid):
        merkle.consistency_nodes(first, second)
    assert not merkle.verify_consistency(first, second, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, ())


def test_a_frontier_fits_its_size() -> None:
    with pytest.raises(Invalid):
        merkle.Frontier(3, (merkle.EMPTY_ROOT,))


def _vectors(folder: str) -> list[dict[str, object]]:
    return [json.loads(path.read_bytes()) for path in sorted((VECTORS / folder).rglob("*.json"))]


def _bytes(value: object) -> bytes:
    return base64.b64decode(str(value)) if value else b""


def _proof(vector: dict[str, object]) -> list[bytes]:
    proof = vector["proof"]
    return [_bytes(item) for item in proof] if isinstance(proof, list) else []


@needs_corpus
def test_agrees_with_the_inclusion_vectors_of_transparency_dev() -> None:
    vectors = _vectors("inclusion")
    assert len(vectors) >= 50
    say("inclusion vectors agree", len(vectors))
    for vector in vectors:
        index, size = int(str(vector["leafIdx"])), int(str(vector["treeSize"]))
        answer = merkle.verify_inclusion(
            _bytes(vector["leafHash"]), index, size, _proof(vector), _bytes(vector["root"])
        )
        assert answer is not vector["wantErr"], vector["desc"]


@needs_corpus
def test_agrees_with_the_consistency_vectors_of_transparency_dev() -> None:
    vectors = _vectors("consistency")
    assert len(vectors) >= 50
    say("consistency vectors agree", len(vectors))
    for vector in vectors:
        first, second = int(str(vector["size1"])), int(str(vector["size2"]))
        answer = merkle.verify_consistency(
            first, second, _bytes(vector["root1"]), _bytes(vector["root2"]), _proof(vector)
        )
        assert answer is not vector["wantErr"], vector["desc"]


@needs_corpus
def test_agrees_with_real_rekor_inclusion_proofs() -> None:
    proofs = json.loads((VECTORS / "rekor-inclusion-proofs-of-real-bundles.json").read_bytes())
    assert len(proofs) >= 70
    say("inclusion proofs of a public log agree", len(proofs))
    for item in proofs:
        answer = merkle.verify_inclusion(
            bytes.fromhex(item["leafHash"]),
            item["leafIdx"],
            item["treeSize"],
            [bytes.fromhex(step) for step in item["proof"]],
            bytes.fromhex(item["root"]),
        )
        assert answer is item["computed_valid"], item["file"]


@needs_corpus
def test_agrees_with_the_subtree_inclusion_vectors_of_transparency_dev() -> None:
    vectors = _vectors("subtreeinclusion")
    assert len(vectors) >= 100
    say("subtree inclusion vectors agree", len(vectors))
    for vector in vectors:
        span = (int(str(vector["start"])), int(str(vector["end"])))
        index, leaf, root = int(str(vector["leafIdx"])), _bytes(vector["leafHash"]), _bytes(vector["root"])
        answer = merkle_proofs.verify_subtree_inclusion(leaf, index, span, _proof(vector), root)
        assert answer is not vector["wantErr"], vector["desc"]


@needs_corpus
def test_agrees_with_the_subtree_consistency_vectors_of_transparency_dev() -> None:
    vectors = _vectors("subtreeconsistency")
    assert len(vectors) >= 50
    say("subtree consistency vectors agree", len(vectors))
    for vector in vectors:
        span, size = (int(str(vector["start"])), int(str(vector["end"]))), int(str(vector["size"]))
        roots = _bytes(vector["root1"]), _bytes(vector["root2"])
        answer = merkle_proofs.verify_subtree_consistency(span, size, *roots, _proof(vector))
        assert answer is not vector["wantErr"], vector["desc"]


SIZE = 21
TREE = Tree(SIZE)


@given(st.integers(0, SIZE - 1), st.data())
def test_no_bit_of_an_inclusion_proof_can_be_flipped(index: int, data: st.DataObject) -> None:
    proof = naive_path(index, TREE.leaves)
    flipped = _flipped(proof, data)
    assert not merkle.verify_inclusion(TREE.leaves[index], index, SIZE, flipped, TREE.frontier.root())


@given(st.integers(1, SIZE - 1), st.data())
def test_no_bit_of_a_consistency_proof_can_be_flipped(first: int, data: st.DataObject) -> None:
    flipped = _flipped(naive_consistency(first, TREE.leaves), data)
    old = naive_root(TREE.leaves[:first])
    assert not merkle.verify_consistency(first, SIZE, old, TREE.frontier.root(), flipped)


def _flipped(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    place = data.draw(st.integers(0, len(proof) - 1))
    byte, bit = data.draw(st.integers(0, 31)), data.draw(st.integers(0, 7))
    changed = bytearray(proof[place])
    changed[byte] ^= 1 << bit
    return [*proof[:place], bytes(changed), *proof[place + 1 :]]


def naive_subtree_proof(start: int, end: int, leaves: Sequence[bytes], known: bool = True) -> list[bytes]:
    if (start, end) == (0, len(leaves)):
        return [] if known else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    left, right = leaves[:k], leaves[k:]
    if end <= k:
        return [*naive_subtree_proof(start, end, left, known), naive_root(right)]
    if k <= start:
        return [*naive_subtree_proof(start - k, end - k, right, known), naive_root(left)]
    return [*naive_subtree_proof(0, end - k, right, known=False), naive_root(left)]


@pytest.mark.parametrize("end", range(1, SIZE + 1))
def test_every_subtree_is_shown_to_be_part_of_the_tree_and_nothing_else_is(end: int) -> None:
    root = TREE.frontier.root()
    for start in range(end):
        part = naive_root(TREE.leaves[start:end])
        width = 1
        while width < end - start:
            width *= 2
        if start % width:
            assert not merkle_proofs.verify_subtree_consistency((start, end), end, part, part, ())
            path = naive_path(0, TREE.leaves[start:end])
            assert not merkle_proofs.verify_subtree_inclusion(TREE.leaves[start], start, (start, end), path, part)
            continue
        proof = naive_subtree_proof(start, end, TREE.leaves)
        assert merkle_proofs.verify_subtree_consistency((start, end), SIZE, part, root, proof)
        assert not merkle_proofs.verify_subtree_consistency((start, end), SIZE, root[::-1], root, proof)
        assert not merkle_proofs.verify_subtree_consistency((start, end), SIZE, part, root[::-1], proof)
        path = naive_path(0, TREE.leaves[start:end])
        assert merkle_proofs.verify_subtree_inclusion(TREE.leaves[start], start, (start, end), path, part)
