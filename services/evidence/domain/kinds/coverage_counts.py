"""What all readers of coverage reports share: counts, what they amount to, and what cannot be true.

- Percentages are computed from counts; a rate that the tool has rounded counts only where no counts are.
- A report in which no line could be run says nothing, and is unreadable. Without branches `branches` is absent, not 0.
- More covered than there is, or counts and rates that cannot both be true, are contradictions and unreadable.
- The reports' own times are not read: none names its offset, and Cobertura's does not even name its unit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from contracts.facts import CoverageFacts
from services.evidence.domain.kinds.reading import Reading, UnreadableError

MAX_COUNT = 1_000_000_000
MAX_COUNTED = 2_000_000
"""Lines and branches that are counted one by one."""
_DIGITS = 10


@dataclass(frozen=True)
class Ratio:
    """So many of so many."""

    covered: int
    total: int
    """More than none."""

    @property
    def percent(self) -> float:
        """0 to 100."""
        return 100 * self.covered / self.total


def ratio(where: str, covered: int, total: int) -> Ratio | None:
    """The ratio that is stated at `where`; None for nothing to cover. Raises `UnreadableError` when it is none."""
    if not 0 <= covered <= total <= MAX_COUNT:
        raise UnreadableError(where, f"states {covered} covered of {total}")
    return Ratio(covered, total) if total else None


def count(where: str, text: str) -> int:
    """A number of lines, branches or hits. Raises `UnreadableError` for other text."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise UnreadableError(where, "is not a count")
    return int(text)


def counted(hits: Iterable[bool]) -> Ratio | None:
    """How many of those listed were hit; None when none is listed."""
    found = Counter(hits)
    return Ratio(found[True], found.total()) if found else None


def hit(where: str, text: str) -> bool:
    """Whether a count of hits, however large, is more than none. Raises `UnreadableError` for other text."""
    if not (text.isascii() and text.isdigit() and len(text) <= 2 * _DIGITS):
        raise UnreadableError(where, "is not a number of hits")
    return bool(text.strip("0"))


def reading(lines: Ratio | None, branches: Ratio | None) -> Reading:
    """The facts. Raises `UnreadableError` when there is no line to cover."""
    if lines is None:
        raise UnreadableError("document", "names no line that could be covered")
    return Reading(
        CoverageFacts(
            lines=lines.percent,
            branches=branches.percent if branches else None,
            lines_covered=lines.covered,
            lines_total=lines.total,
        )
    )
