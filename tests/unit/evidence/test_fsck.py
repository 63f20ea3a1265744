from __future__ import annotations

from dataclasses import replace

import pytest

from services.evidence.domain.fsck import Ends, StoredEntry, check_ends, check_rows, completed_by, nodes_for
from shared.crypto.merkle import NodeId
from tests.support.small_log import SmallLog

SIZE = 13
LOG = SmallLog()
LOG.grow(SIZE)
ROWS = [StoredEntry(e.index, e.data, e.leaf, (f"s-{e.index}", f"d-{e.index}", "more")) for e in LOG.entries]
ENDS = Ends(SIZE, LOG.frontier.roots, SIZE, len(LOG.nodes), 0)
SIGNED = (SIZE, LOG.frontier.root())


@pytest.mark.parametrize("page", [1, 3, 5, SIZE])
def test_a_sound_log_is_sound_in_pages_of_any_size(page: int) -> None:
    looked_at: set[NodeId] = set()
    for first in range(0, SIZE, page):
        rows = ROWS[first : first + page]
        wanted = nodes_for(first, len(rows))
        looked_at |= wanted
        assert check_rows(first, rows, {node: LOG.nodes[node] for node in wanted}) == []
    assert looked_at == set(LOG.nodes)
    assert check_ends(ENDS, LOG.nodes, SIGNED) == []


@pytest.mark.parametrize("node", sorted(LOG.nodes, key=str), ids=str)
def test_every_node_counts(node: NodeId) -> None:
    wrong = {**LOG.nodes, node: bytes(32)}
    missing = {name: value for name, value in LOG.nodes.items() if name != node}
    assert check_rows(0, ROWS, wrong)
    assert check_rows(0, ROWS, missing)


def test_every_row_counts() -> None:
    for place, row in enumerate(ROWS):
        for wrong in (replace(row, data=b"{}"), replace(row, leaf=bytes(32)), replace(row, about=("more",))):
            assert check_rows(0, [*ROWS[:place], wrong, *ROWS[place + 1 :]], LOG.nodes), place
        gap = check_rows(0, [*ROWS[:place], *ROWS[place + 1 :]], LOG.nodes)
        assert bool(gap) == (place < SIZE - 1)


@pytest.mark.parametrize(
    "ends",
    [
        replace(ENDS, entries=SIZE - 1),
        replace(ENDS, strays=1),
        replace(ENDS, nodes=len(LOG.nodes) + 1),
        replace(ENDS, roots=(bytes(32), *ENDS.roots[1:])),
        replace(ENDS, size=SIZE - 1),
    ],
)
def test_the_ends_fit_the_size(ends: Ends) -> None:
    assert check_ends(ends, LOG.nodes, SIGNED)


def test_the_newest_checkpoint_is_of_the_stored_tree() -> None:
    for signed in (None, (SIZE - 1, SIGNED[1]), (SIZE, bytes(32))):
        assert check_ends(ENDS, LOG.nodes, signed) == ["the newest checkpoint is not of the tree as it is stored"]
    assert check_ends(Ends(0, (), 0, 0, 0), {}, None) == []


def test_a_leaf_completes_the_subtrees_it_ends() -> None:
    assert completed_by(6) == (NodeId(0, 6),)
    assert completed_by(7) == (NodeId(0, 7), NodeId(1, 3), NodeId(2, 1), NodeId(3, 0))
