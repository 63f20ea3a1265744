"""The geometry of charts: from numbers to places in a picture. Pure; `templates/charts.html` writes the SVG.

- A value that nobody knows is a gap, never a zero; what is no finite number is a gap, too.
- The value axis begins at 0 (below it where a value does) and ends at a round number above everything shown.
- Every chart has its numbers as a table beside it: the picture is never the only place where something is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from services.gateway.console.chart_axes import GAP, TOP, Axis, Measure, Tick, shown

WIDTH, LEFT, RIGHT = 560.0, 52.0, 8.0
MOST_STOPS = 60
"""With more columns than that, values are not walked through by keyboard: the table is quicker."""
_LABELS = 6
_LETTER, _LINE_HEIGHT, _TIP_GAP = 6.4, 15.0, 8.0


@dataclass(frozen=True, slots=True)
class Series:
    """One row of numbers. `kind` is the class that gives it its colour."""

    name: str
    values: Sequence[float | None]
    kind: str


@dataclass(frozen=True, slots=True)
class Range:
    """A range of values that has a name, such as a performance band; without `high` it has no end."""

    name: str
    low: float
    high: float | None
    kind: str


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: a bar, or the strip of a range."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through the values that are known; `path` is empty where no two of them are neighbours."""

    path: str
    dots: tuple[tuple[float, float], ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Column:
    """Everything about one label: where one points at it, and what it says then."""

    x: float
    width: float
    label: str
    lines: tuple[str, ...]
    tip: Box


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture, and its numbers."""

    title: str
    rows: tuple[Tick, ...]
    labels: tuple[Tick, ...]
    ranges: tuple[Box, ...]
    bars: tuple[Box, ...]
    lines: tuple[Line, ...]
    columns: tuple[Column, ...]
    keys: tuple[tuple[str, str], ...]
    """Name and kind of each series."""
    heading: str
    table: tuple[tuple[str, tuple[str, ...]], ...]
    """Label and values, as texts."""
    walked: bool
    """Whether the keyboard stops at each column."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return not any(value != GAP for _, values in self.table for value in values)


def line_chart(
    title: str, labels: Sequence[str], series: Sequence[Series], measure: Measure, *, ranges: Sequence[Range] = ()
) -> Chart:
    """Lines over time. Raises `ValueError` for a series that has not as many values as there are labels."""
    rows = _cleaned(labels, series)
    values = [value for row in rows for value in row if value is not None]
    axis = Axis.over(values, measure)
    lines = tuple(_line(row, one.kind, axis) for row, one in zip(rows, series, strict=True))
    return _chart(title, labels, series, rows, axis, lines=lines, ranges=_strips(ranges, axis) if values else ())


def bar_chart(title: str, labels: Sequence[str], series: Sequence[Series], measure: Measure) -> Chart:
    """Bars, one on top of the other where there are several series. Values below 0 count as 0. Raises as above."""
    rows = [[None if value is None else max(0.0, value) for value in row] for row in _cleaned(labels, series)]
    sums = [sum(value or 0 for value in column) for column in zip(*rows, strict=True)]
    axis = Axis.over(sums, measure)
    bars: list[Box] = []
    step = _step(len(labels))
    for place, column in enumerate(zip(*rows, strict=True)):
        below = 0.0
        for value, one in zip(column, series, strict=True):
            if value:
                top = axis.place(below + value)
                width = max(1.0, min(step * 0.7, 48.0))
                bars.append(
                    Box(_round(_middle(place, step) - width / 2), top, width, axis.place(below) - top, one.kind)
                )
                below += value
    return _chart(title, labels, series, rows, axis, bars=tuple(bars))


def _chart(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    rows: Sequence[Sequence[float | None]],
    axis: Axis,
    *,
    bars: tuple[Box, ...] = (),
    lines: tuple[Line, ...] = (),
    ranges: tuple[Box, ...] = (),
) -> Chart:
    texts = [[shown(value, axis.measure) for value in row] for row in rows]
    table = tuple((label, tuple(row[place] for row in texts)) for place, label in enumerate(labels))
    return Chart(
        title=title,
        rows=axis.ticks,
        labels=tuple(_labels(labels)),
        ranges=ranges,
        bars=bars,
        lines=lines,
        columns=tuple(_columns(table, series)),
        keys=tuple((one.name, one.kind) for one in series),
        heading=title,
        table=table,
        walked=len(labels) <= MOST_STOPS,
    )


def _cleaned(labels: Sequence[str], series: Sequence[Series]) -> list[list[float | None]]:
    if any(len(one.values) != len(labels) for one in series):
        raise ValueError("a series has not as many values as there are labels")
    return [[value if value is not None and math.isfinite(value) else None for value in one.values] for one in series]


def _line(row: Sequence[float | None], kind: str, axis: Axis) -> Line:
    step = _step(len(row))
    dots = [(_middle(place, step), axis.place(value)) if value is not None else None for place, value in enumerate(row)]
    runs = [[dot for dot in run if dot] for _, run in groupby(dots, key=lambda dot: dot is None)]
    path = " ".join(f"M{' L'.join(f'{x:g} {y:g}' for x, y in run)}" for run in runs if len(run) > 1)
    return Line(path, tuple(dot for dot in dots if dot), kind)


def _strips(ranges: Sequence[Range], axis: Axis) -> tuple[Box, ...]:
    """Only what of the ranges lies on the axis."""
    found = []
    for one in ranges:
        low, high = max(one.low, axis.steps[0]), min(axis.steps[-1] if one.high is None else one.high, axis.steps[-1])
        if low < high:
            top = axis.place(high)
            width = WIDTH - LEFT - RIGHT
            found.append(Box(LEFT, top, width, _round(axis.place(low) - top), one.kind, one.name))
    return tuple(found)


def _columns(table: Sequence[tuple[str, tuple[str, ...]]], series: Sequence[Series]) -> Iterator[Column]:
    step = _step(len(table))
    for place, (label, values) in enumerate(table):
        said = [f"{one.name}: {value}" for one, value in zip(series, values, strict=True) if value != GAP]
        lines = (label, *(said or ["not known"]))
        middle = _middle(place, step)
        width = _round(max(map(len, lines)) * _LETTER + 2 * _TIP_GAP)
        left = min(max(LEFT, middle - width / 2), max(LEFT, WIDTH - RIGHT - width))
        tip = Box(_round(left), TOP, width, len(lines) * _LINE_HEIGHT + _TIP_GAP, "tip")
        yield Column(_round(LEFT + place * step), _round(step), label, lines, tip)


def _labels(labels: Sequence[str]) -> Iterator[Tick]:
    """As many as are readable beside each other; the last one always, since it is now."""
    step, every = _step(len(labels)), max(1, math.ceil(len(labels) / _LABELS))
    for place in range(len(labels) - 1, -1, -every):
        at = _middle(place, step)
        at_edge = len(labels) > _LABELS and place == len(labels) - 1
        yield Tick(WIDTH - RIGHT if at_edge else at, labels[place], "end" if at_edge else "middle")


def _step(count: int) -> float:
    return (WIDTH - LEFT - RIGHT) / max(1, count)


def _middle(place: int, step: float) -> float:
    return _round(LEFT + (place + 0.5) * step)


def _round(value: float) -> float:
    return round(value, 2)
