"""What could not be decided about the components of one release.

- At most `KEPT` answers are kept, the first by component and advisory; how many there are is counted all the same.
- An answer of one advisory replaces its earlier ones, as a match does.
- Where some were left out, the number is exact again after the next matching of the whole release.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from services.monitoring.domain.matching import Match, Undecided, undecided_among

KEPT = 500


@dataclass(frozen=True, slots=True)
class Doubts:
    """Undecided answers of one release, by component and advisory."""

    kept: tuple[Undecided, ...] = ()
    total: int = 0

    def revised(self, advisory_ids: Collection[str], answers: Iterable[Undecided]) -> Doubts:
        """With `answers` as the only ones of these advisories."""
        others = [one for one in self.kept if one.advisory_id not in advisory_ids]
        mine = [one for one in answers if one.advisory_id in advisory_ids]
        left_out = self.total - len(self.kept)
        return _of([*others, *mine], left_out)


def doubts_among(answers: Iterable[Match | Undecided]) -> Doubts:
    """All that a matching of the whole release could not decide."""
    return _of(undecided_among(answers), 0)


def _of(answers: Collection[Undecided], left_out: int) -> Doubts:
    ordered = sorted(set(answers), key=lambda one: one.key)
    return Doubts(tuple(ordered[:KEPT]), len(ordered) + left_out)
