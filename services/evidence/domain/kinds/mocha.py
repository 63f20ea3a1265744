"""Mocha's JSON report.

- Counted are the lists `passes`, `failures` and `pending`; pending tests were skipped.
- A test's suite is its full title without its own: the titles of the blocks around it, in one line.
- `stats` must agree with the lists about failures; `tests` without the lists is unreadable.

Source: mochajs/mocha lib/reporters/json.js.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from services.evidence.domain.kinds.outcomes import Outcome, Run
from services.evidence.domain.kinds.reading import Moment, Part, Reading


class _Test(Part):
    title: str = ""
    full_title: str = Field(default="", alias="fullTitle")
    retries: int = Field(default=0, alias="currentRetry")

    @property
    def suite(self) -> str:
        return self.full_title.removesuffix(self.title).strip() if self.title else ""


class _Stats(Part):
    failures: int = Field(ge=0)
    end: Moment | None = None


class _Report(Part):
    stats: _Stats
    passes: tuple[_Test, ...]
    failures: tuple[_Test, ...]
    pending: tuple[_Test, ...]


def read_document(document: Mapping[str, Any]) -> Reading:
    """The tests in `document`. Raises pydantic's `ValidationError`, or `UnreadableError` when it contradicts itself."""
    report = _Report.model_validate(document)
    run = Run()
    for test in report.passes:
        run.add(Outcome.FLAKY if test.retries else Outcome.PASSED, suite=test.suite)
    for test in report.failures:
        run.add(Outcome.FAILED, test.full_title or test.title, suite=test.suite)
    for test in report.pending:
        run.add(Outcome.SKIPPED, suite=test.suite)
    run.check_stated("stats.failures", report.stats.failures)
    return run.reading(report.stats.end)
