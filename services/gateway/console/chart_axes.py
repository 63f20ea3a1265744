"""The value axis of charts: how far it goes, where it is marked, and how values are written.

It begins at 0 (below it where a value does) and ends at a round number above everything shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

HEIGHT, TOP, BOTTOM = 200.0, 12.0, 24.0
GAP = "-"
"""How a value is written that nobody knows."""
_TICKS = 4
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_LEAST = 1e-200
"""A smaller difference than that is none: nothing could be divided by it."""
_LONG = 100
"""From here on a number is written without decimals."""
_SIZES = ((1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))
_TIMES = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


class Measure(StrEnum):
    """What the values are."""

    COUNT = "count"
    SECONDS = "seconds"
    RATIO = "ratio"
    """A part of one, shown in per cent."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A marked place of an axis."""

    at: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Axis:
    """The value axis."""

    steps: tuple[float, ...]
    measure: Measure

    @classmethod
    def over(cls, values: Sequence[float], measure: Measure) -> Axis:
        """One on which all the values have their place."""
        low, high = min(values, default=0.0), max(values, default=0.0)
        unit = next((size for size, _ in _TIMES if high >= size), 1.0) if measure is Measure.SECONDS else 1.0
        return cls(steps_of(low, high, unit=unit, whole=measure is Measure.COUNT and _whole(values)), measure)

    def place(self, value: float) -> float:
        """How far down in the picture a value is."""
        low, high = self.steps[0], self.steps[-1]
        share = (value - low) / (high - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 2)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Its marked places."""
        return tuple(Tick(self.place(one), shown(one, self.measure)) for one in self.steps)


def shown(value: float | None, measure: Measure) -> str:
    """A value as people read it."""
    if value is None or not math.isfinite(value):
        return GAP
    match measure:
        case Measure.RATIO:
            return f"{value:.1%}".replace(".0%", "%")
        case Measure.SECONDS:
            return _time_shown(value)
        case Measure.COUNT:
            return _number_shown(value)


def steps_of(low: float, high: float, *, unit: float = 1.0, whole: bool = False) -> tuple[float, ...]:
    """Round numbers from at or below `low` to at or above `high`, at most six; in `unit`s."""
    low, high = min(low, high, 0.0) / unit, max(low, high, 0.0) / unit
    if high - low < _LEAST:
        high = 1.0
    rough = (high - low) / _TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(one * size for one in _ROUND if one * size >= rough * (1 - 1e-9))
    if whole:
        step = max(1.0, float(math.ceil(step)))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(place * step * unit for place in range(first, last + 1))


def _whole(values: Sequence[float]) -> bool:
    return all(float(value).is_integer() for value in values)


def _number_shown(value: float) -> str:
    for least, size, letter in _SIZES:
        if abs(value) >= least:
            number = value / size
            return f"{number:.0f}{letter}" if abs(number) >= _LONG else f"{number:.3g}{letter}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"


def _time_shown(value: float) -> str:
    for size, name in _TIMES:
        if abs(value) >= size:
            number = value / size
            return f"{number:,.0f} {name}" if abs(number) >= _LONG or number.is_integer() else f"{number:.3g} {name}"
    return f"{value:.3g} s"
