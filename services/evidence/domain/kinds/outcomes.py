"""What all readers of test reports share: the outcome of each test, and the totals a report states about itself.

- Totals are counted from the tests that are listed; a suite that lists none counts as its attributes say.
- More failures stated than listed contradicts the list and is unreadable. Fewer tests listed than stated is not:
  many tools leave tests out or count in other ways, and it only makes the number that passed smaller.
- A run in which no test passed or failed has shown nothing: it is `warned`, not `passed`.
- A test that passed when it was run again has passed, and is flaky.
- A test belongs to the innermost named suite that holds it, and suites of one name are one. Tests outside of any are in
  the totals only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

from contracts.facts import MAX_LISTED, SuiteResult, TestFacts
from services.evidence.domain.kinds.reading import Reading, UnreadableError

_MAX_NAME = 300
_MAX_COUNT = 1_000_000_000


class Outcome(Enum):
    """How one test ended."""

    PASSED = auto()
    FLAKY = auto()
    """Passed, after it had failed."""
    FAILED = auto()
    ERRORED = auto()
    """Broke down before it could be judged."""
    SKIPPED = auto()


@dataclass
class Run:
    """Counts the tests of one report."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    failed_names: list[str] = field(default_factory=list)
    _suites: dict[str, Counter[Outcome]] = field(default_factory=dict)

    @property
    def bad(self) -> int:
        """How many failed or broke down."""
        return self.counts[Outcome.FAILED] + self.counts[Outcome.ERRORED]

    def add(self, outcome: Outcome, name: str = "", *, suite: str = "", times: int = 1) -> None:
        """Count one test of `suite`, or as many as a suite without a list states."""
        if not times:
            return
        self.counts[outcome] += times
        if suite:
            self._suites.setdefault(suite[:_MAX_NAME], Counter())[outcome] += times
        if outcome in (Outcome.FAILED, Outcome.ERRORED) and len(self.failed_names) < MAX_LISTED:
            self.failed_names.append(name[:_MAX_NAME] or "unnamed")

    def check_stated(self, where: str, failures: int, listed: int | None = None) -> None:
        """Raise `UnreadableError` if `failures` are stated at `where` and fewer are `listed` (by default: counted)."""
        found = self.bad if listed is None else listed
        if failures > found:
            raise UnreadableError(where, f"states {failures} failed tests where {found} are listed")

    def reading(self, claimed_at: datetime | None = None) -> Reading:
        """The facts of the whole run."""
        passed = self.counts[Outcome.PASSED] + self.counts[Outcome.FLAKY]
        facts = TestFacts(
            result="failed" if self.bad else "passed" if passed else "warned",
            passed=passed,
            failed=self.bad,
            skipped=self.counts[Outcome.SKIPPED],
            failed_names=tuple(self.failed_names),
            errored=self.counts[Outcome.ERRORED],
            flaky=self.counts[Outcome.FLAKY],
            suites=tuple(_result(*found) for found in sorted(self._suites.items())[:MAX_LISTED]),
        )
        return Reading(facts, claimed_at=claimed_at)


def _result(name: str, counts: Counter[Outcome]) -> SuiteResult:
    return SuiteResult(
        name=name,
        passed=counts[Outcome.PASSED] + counts[Outcome.FLAKY],
        failed=counts[Outcome.FAILED] + counts[Outcome.ERRORED],
        skipped=counts[Outcome.SKIPPED],
    )


def stated(attributes: Mapping[str, str], *names: str) -> int:
    """The sum of the numbers under `names`; absent or empty ones are zero. Raises `UnreadableError` for other text."""
    total = 0
    for name in names:
        text = attributes.get(name, "").strip()
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_COUNT))):
            raise UnreadableError(name, "is not a number of tests")
        total += int(text)
    return total
