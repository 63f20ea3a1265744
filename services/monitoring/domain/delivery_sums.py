"""The delivery metrics of one period, from the sums of its buckets; the formulas are those of `metrics.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.monitoring.domain.sketch import ERROR, percentile, percentiles_of_cells
from services.monitoring.domain.sums import Sums


@dataclass(frozen=True)
class Times:
    """Lengths of time: all of them when they are few, else how many lie in which cell."""

    counted: Mapping[int, int]
    exact: Sequence[float] | None = None

    @property
    def measured(self) -> int:
        """How many there are."""
        return sum(self.counted.values())

    @property
    def error(self) -> float:
        """The most by which a percentile can be off, as a share of it; 0 when it is exact."""
        return 0.0 if self.exact is not None else ERROR

    def percentiles(self, *parts: float) -> list[float | None]:
        """Percentiles in seconds; None without any length."""
        if self.exact is not None:
            return [percentile(self.exact, part) for part in parts]
        return percentiles_of_cells(self.counted, *parts)


@dataclass(frozen=True)
class DeliverySums:
    """What happened in a period."""

    sums: Sums
    leads: Sequence[float] | None = None
    """Lead times of the period in seconds, when all of them were read."""
    restores: Sequence[float] | None = None
    """Times to restore, likewise."""

    @property
    def ticks(self) -> Mapping[int, int]:
        """How many deployments happened in which quarter of an hour, by its beginning in seconds after 1970."""
        return self.sums.ticks

    def count(self, name: str) -> int:
        """One counter."""
        return self.sums.counts.get(name, 0)

    @property
    def lead(self) -> Times:
        """Lead times for changes."""
        return Times(self.sums.cells.get("lead", {}), self.leads)

    @property
    def restore(self) -> Times:
        """Times to restore."""
        return Times(self.sums.cells.get("restore", {}), self.restores)

    def per_deployment(self, name: str) -> float | None:
        """A counter as a share of the deployments; None without any."""
        all_of_them = self.count("deployments")
        return self.count(name) / all_of_them if all_of_them else None
