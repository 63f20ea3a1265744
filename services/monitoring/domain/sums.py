"""What was counted in a stretch of time, taken apart: plain counters, lengths of time, and when something happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from services.monitoring.domain.buckets import TICK, Counts, Day, pieces
from services.monitoring.domain.delivery import Window

_LENGTHS = frozenset({"lead", "restore", "wait", "took", "dwell"})
"""What the names of cells begin with: `wait:queue:17` counts lengths of `wait:queue` in cell 17 (`sketch.py`)."""
_QUARTER_SECONDS = 900
K = TypeVar("K", int, str)


@dataclass(frozen=True, slots=True)
class Sums:
    """What was counted."""

    counts: Counts = field(default_factory=dict)
    """By name; all that is neither of the following."""
    cells: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """How many lengths of time of one name lie in which cell."""
    ticks: Mapping[int, int] = field(default_factory=dict)
    """How often something happened in the quarter of an hour that begins so many seconds after 1970."""

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return len(self.counts) + len(self.ticks) + sum(len(one) for one in self.cells.values())


def summed(days: Iterable[Day], window: Window) -> Sums:
    """What buckets counted in a window; nothing that sums up to zero."""
    flat: dict[str, int] = {}
    ticks: dict[int, int] = {}
    for one in days:
        midnight = int(one.begins.timestamp())
        for counted in (counts for moment, counts in pieces(one) if moment in window):
            # By hand: `Counter.update` takes twice as long, and this is what an answer takes most of its time for.
            for name, count in counted.items():
                if name.startswith(TICK):
                    tick = midnight + int(name.removeprefix(TICK)) * _QUARTER_SECONDS
                    ticks[tick] = ticks.get(tick, 0) + count
                else:
                    flat[name] = flat.get(name, 0) + count
    return _apart(flat, {tick: count for tick, count in ticks.items() if count})


def joined(sums: Iterable[Sums]) -> Sums:
    """What was counted in all of them."""
    counts: dict[str, int] = {}
    cells: dict[str, dict[int, int]] = {}
    ticks: dict[int, int] = {}
    for one in sums:
        _add(counts, one.counts)
        _add(ticks, one.ticks)
        for name, own in one.cells.items():
            _add(cells.setdefault(name, {}), own)
    return Sums(counts, cells, ticks)


def _add(total: dict[K, int], counted: Mapping[K, int]) -> None:
    if not total:
        total.update(counted)
        return
    for name, count in counted.items():
        total[name] = total.get(name, 0) + count


def _apart(flat: Counts, ticks: Mapping[int, int]) -> Sums:
    counts: dict[str, int] = {}
    cells: dict[str, dict[int, int]] = {}
    for name, count in flat.items():
        head, _, last = name.rpartition(":")
        if not count:
            continue
        if head.partition(":")[0] in _LENGTHS:
            cells.setdefault(head, {})[int(last)] = count
        else:
            counts[name] = count
    return Sums(counts, cells, ticks)
