"""Percentiles of many lengths of time from few counters, with a stated error.

- A length is counted in a cell whose borders grow by a constant factor, so that any length of a cell is known to within
  1% (`ERROR`). Adding, taking back and joining are additions of counters: the order does not matter.
- A percentile is interpolated between the two values next to it, as `statistics.quantiles` does with `inclusive`: the
  50th is the median. Of lengths it is exact; of cells it is off by at most `ERROR` of its value.
- Lengths below a second are counted as nothing, with an error below a second.

Source: Masson, Rim, Lee: DDSketch, PVLDB 12 (2019), with an unbounded number of cells: 1% needs about 1,000 from a
second to ten years.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from math import ceil, floor, log

ERROR = 0.01
_GROWTH = (1 + ERROR) / (1 - ERROR)
_LOG = log(_GROWTH)


def cell(seconds: float) -> int:
    """The cell of a length of time."""
    return 0 if seconds < 1 else max(1, ceil(log(seconds) / _LOG))


def value(number: int) -> float:
    """The length in seconds that stands for a cell: no length of the cell is further than `ERROR` from it."""
    return 0.0 if number == 0 else 2 * _GROWTH**number / (_GROWTH + 1)


def percentiles_of_cells(counted: Mapping[int, int], *parts: float) -> list[float | None]:
    """Percentiles in seconds, each part from 0 to 1; None when nothing was counted. No cell counts less than one."""
    ordered = sorted(counted)
    ends = list(accumulate(map(counted.__getitem__, ordered)))
    return [_percentile(ordered, ends, part) if ends else None for part in parts]


def percentile(lengths: Iterable[float], part: float) -> float | None:
    """As `percentile_of_cells`, of the lengths themselves: exact."""
    ordered = sorted(lengths)
    if not ordered:
        return None
    place = part * (len(ordered) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))


def _percentile(ordered: Sequence[int], ends: Sequence[int], part: float) -> float:
    place = part * (ends[-1] - 1)
    low, high = (value(ordered[bisect_right(ends, rank)]) for rank in (floor(place), ceil(place)))
    return low + (high - low) * (place - floor(place))
