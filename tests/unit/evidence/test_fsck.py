"""The storage check finds every change of a row, a tile or the ends, however the log is cut into pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.evidence.domain.fsck import Ends, StoredEntry, check_ends, check_rows, filled_by, tiles_for
from shared.crypto.tiles import Edge, TileId, Tiles
from tests.support.small_log import SmallLog

SIZE = 600
LOG = SmallLog()
LOG.grow(SIZE)
ROWS = [StoredEntry(e.index, e.data, e.leaf, (f"s-{e.index}", f"d-{e.index}", "more")) for e in LOG.entries]
EDGE, FULL = Edge().grown([entry.leaf for entry in LOG.entries])
TILES: Tiles = FULL | EDGE.tiles()
ENDS = Ends(EDGE, SIZE, len(FULL), 0)
SIGNED = (SIZE, EDGE.frontier().root())


@pytest.mark.parametrize("page", [1, 100, 256, 511, SIZE])
def test_a_sound_log_is_sound_in_pages_of_any_size(page: int) -> None:
    looked_at: set[TileId] = set()
    for first in range(0, SIZE, page):
        rows = ROWS[first : first + page]
        wanted = tiles_for(first, len(rows))
        looked_at |= wanted
        assert check_rows(first, rows, {tile: TILES[tile] for tile in wanted}) == []
    assert looked_at == set(TILES)
    assert check_ends(ENDS, SIGNED) == []


@pytest.mark.parametrize("tile", sorted(TILES, key=str), ids=str)
def test_every_hash_of_every_tile_counts(tile: TileId) -> None:
    for at in range(0, len(TILES[tile]), 32 * 37):
        changed = TILES[tile][:at] + bytes(32) + TILES[tile][at + 32 :]
        assert check_rows(0, ROWS, {**TILES, tile: changed})
    assert check_rows(0, ROWS, {name: value for name, value in TILES.items() if name != tile})
    assert check_rows(0, ROWS, {**TILES, tile: TILES[tile][:-32]})


def test_every_row_counts() -> None:
    for place in (0, 1, 255, 256, 400, SIZE - 1):
        row = ROWS[place]
        for wrong in (replace(row, data=b"{}"), replace(row, leaf=bytes(32)), replace(row, about=("more",))):
            assert check_rows(0, [*ROWS[:place], wrong, *ROWS[place + 1 :]], TILES), place
        gap = check_rows(0, [*ROWS[:place], *ROWS[place + 1 :]], TILES)
        assert bool(gap) == (place < SIZE - 1)


def test_an_entry_and_its_leaf_changed_together_do_not_fit_the_tile() -> None:
    other = SmallLog()
    other.grow(1)
    swapped = replace(ROWS[5], data=ROWS[6].data, leaf=ROWS[6].leaf, about=ROWS[6].about)
    assert check_rows(0, [*ROWS[:5], swapped, *ROWS[6:]], TILES) == ["tile 0/0 does not hold the leaf of entry 5"]


@pytest.mark.parametrize(
    "ends",
    [
        replace(ENDS, entries=SIZE - 1),
        replace(ENDS, strays=1),
        replace(ENDS, full_tiles=len(FULL) + 1),
        replace(ENDS, edge=Edge().grown([entry.leaf for entry in LOG.entries[1:]])[0]),
    ],
)
def test_the_ends_fit_the_size(ends: Ends) -> None:
    assert check_ends(ends, SIGNED)


def test_the_newest_checkpoint_is_of_the_stored_tree() -> None:
    for signed in (None, (SIZE - 1, SIGNED[1]), (SIZE, bytes(32))):
        assert check_ends(ENDS, signed) == ["the newest checkpoint is not of the tree as it is stored"]
    assert check_ends(Ends(Edge(), 0, 0, 0), None) == []


def test_an_entry_fills_the_tiles_it_ends() -> None:
    assert filled_by(254) == []
    assert filled_by(511) == [TileId(0, 1)]
    assert filled_by(65535) == [TileId(0, 255), TileId(1, 0)]
