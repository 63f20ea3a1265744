"""Sums of windows, most of which were put together before.

`metric_spans`  {_id: "<kind>|<scope>|<since>|<until>", stamp, kept_at, counts: {counter: n}, cells: {name: packed},
                 ticks: packed}

Sums of tiles that are over (`domain/tiles.py`), and of all of them together, are kept by the question that first needs
them, and can be lost at any time. They hold as long as no bucket of theirs was added to: their stamp is the sum of the
revisions of these buckets, as read before the buckets themselves. Revisions only grow: what is added in between leaves
a stamp that fits no more.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from services.monitoring.domain.sums import Sums, joined
from services.monitoring.domain.tiles import Tile, covering
from services.monitoring.storage.aggregates import BucketRepository, Kind, escaped, plain
from shared.mongo import Collection, Document, DuplicateKeyError, Index

METRIC_SPANS = "metric_spans"
_KEPT = timedelta(days=7)
INDEXES: dict[str, tuple[Index, ...]] = {
    METRIC_SPANS: (Index((("kept_at", 1),), expire_after_seconds=int(_KEPT.total_seconds())),)
}
SMALL, LARGE = 100, 50_000
"""How many numbers sums have that are kept: fewer are soon added up again, more are windows of years."""
MOST = 20_000
"""Sums that are kept at most, so that nobody fills the disk by asking for ever other windows."""


class SumReader:
    """Tells the sums of windows, and keeps those that will be asked for again."""

    def __init__(self, buckets: BucketRepository, spans: Collection) -> None:
        self._buckets = buckets
        self._spans = spans

    async def sums(
        self, kind: Kind, scope: str, tiles: Sequence[Tile], now: datetime, *, each: bool
    ) -> tuple[Sums, dict[Tile, Sums]]:
        """What was counted in all tiles of a window, and, where `each` is wanted, in every one of them, in order."""
        whole, over = covering(tiles), [one for one in tiles if one.is_over]
        going_on = [one for one in tiles if not one.is_over]
        if whole is None:
            found = await self._buckets.summed(kind, scope, going_on)
            return joined(found.values()), found
        wanted = [whole, *over] if each else [whole]
        revisions, kept, found = await asyncio.gather(
            self._buckets.revisions(kind, scope, whole),
            self._kept(kind, scope, wanted),
            self._buckets.summed(kind, scope, going_on),
        )
        found |= _holding(wanted, kept, revisions)
        if each or whole not in found:
            if not each:
                found |= _holding(over, await self._kept(kind, scope, over), revisions)
            made = await self._buckets.summed(kind, scope, [one for one in over if one not in found])
            if whole not in found:
                made[whole] = joined((found | made)[one] for one in over)
            await self._keep(kind, scope, {one: (_stamp(one, revisions), made[one]) for one in made}, now)
            found |= made
        return joined(found[one] for one in (whole, *going_on)), {one: found[one] for one in tiles if each}

    async def _kept(self, kind: Kind, scope: str, tiles: Sequence[Tile]) -> dict[Tile, tuple[int, Sums]]:
        keys = {_key(kind, scope, one): one for one in tiles}
        found = await self._spans.every({"_id": {"$in": [*keys]}})
        return {keys[one["_id"]]: (one["stamp"], _sums(one)) for one in found}

    async def _keep(self, kind: Kind, scope: str, made: Mapping[Tile, tuple[int, Sums]], now: datetime) -> None:
        documents = [
            {"_id": _key(kind, scope, tile), "stamp": stamp, "kept_at": now, **_document(sums)}
            for tile, (stamp, sums) in made.items()
            if SMALL <= sums.size <= LARGE
        ]
        if not documents or await self._spans.about() >= MOST:
            return
        # Whoever loses against another one that keeps the same lets it have its way: what is kept tells its stamp.
        with suppress(DuplicateKeyError):
            await self._spans.put_all(documents)


def _holding(
    wanted: Sequence[Tile], kept: Mapping[Tile, tuple[int, Sums]], revisions: Mapping[datetime, int]
) -> dict[Tile, Sums]:
    """What is known of tiles: that nothing was ever counted in them, or what is kept and still holds."""
    empty = {one: Sums() for one in wanted if not any(day in revisions for day in one.days())}
    return empty | {one: sums for one, (stamp, sums) in kept.items() if stamp == _stamp(one, revisions)}


def _stamp(tile: Tile, revisions: Mapping[datetime, int]) -> int:
    return sum(revisions.get(day, 0) for day in tile.days())


def _key(kind: Kind, scope: str, tile: Tile) -> str:
    return f"{kind}|{scope}|{tile.since:%Y-%m-%dT%H:%MZ}|{tile.until:%Y-%m-%dT%H:%MZ}"


def _document(sums: Sums) -> Document:
    return {
        "counts": {escaped(name): count for name, count in sums.counts.items()},
        "cells": {escaped(name): _packed(cells) for name, cells in sums.cells.items()},
        "ticks": _packed(sums.ticks),
    }


def _sums(found: Document) -> Sums:
    return Sums(
        {plain(name): count for name, count in found["counts"].items()},
        {plain(name): _unpacked(cells) for name, cells in found["cells"].items()},
        _unpacked(found["ticks"]),
    )


def _packed(counted: Mapping[int, int]) -> bytes:
    # Of thousands of numbers; a document with a field for each takes ten times as long to read. Sorted they are looked
    # at most.
    ordered = sorted(counted)
    return struct.pack(f"<{2 * len(counted)}q", *ordered, *map(counted.__getitem__, ordered))


def _unpacked(packed: bytes) -> dict[int, int]:
    numbers = struct.unpack(f"<{len(packed) // 8}q", packed)
    half = len(numbers) // 2
    return dict(zip(numbers[:half], numbers[half:], strict=True))
