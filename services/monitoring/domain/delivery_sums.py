"""The delivery metrics of one period, from the sums of its buckets; the formulas are those of `metrics.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.monitoring.domain.sketch import ERROR, cells, percentile, percentile_of_cells

LEAD, RESTORE = "lead:", "restore:"


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

    def percentile(self, part: float) -> float | None:
        """A percentile in seconds; None without any length."""
        if self.exact is not None:
            return percentile(self.exact, part)
        return percentile_of_cells(self.counted, part)


@dataclass(frozen=True)
class DeliverySums:
    """What happened in a period."""

    counts: Mapping[str, int]
    leads: Sequence[float] | None = None
    """Lead times of the period in seconds, when all of them were read."""
    restores: Sequence[float] | None = None
    """Times to restore, likewise."""

    def count(self, name: str) -> int:
        """One counter."""
        return self.counts.get(name, 0)

    @property
    def lead(self) -> Times:
        """Lead times for changes."""
        return Times(cells(self.counts, LEAD), self.leads)

    @property
    def restore(self) -> Times:
        """Times to restore."""
        return Times(cells(self.counts, RESTORE), self.restores)

    def per_deployment(self, name: str) -> float | None:
        """A counter as a share of the deployments; None without any."""
        all_of_them = self.count("deployments")
        return self.count(name) / all_of_them if all_of_them else None
