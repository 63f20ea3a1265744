"""The JSON report of coverage.py.

- `totals` count; files that are listed must add up to them.
- `percent_covered` is not read: with branches measured it mixes them with the lines.

Source: coveragepy/coveragepy coverage/jsonreport.py, formats 2 and 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from services.evidence.domain.kinds import coverage_counts
from services.evidence.domain.kinds.coverage_counts import MAX_COUNT
from services.evidence.domain.kinds.reading import Part, Reading, UnreadableError

_Count = Annotated[int, Field(strict=True, ge=0, le=MAX_COUNT)]


class _Summary(Part):
    covered: _Count = Field(alias="covered_lines")
    missing: _Count = Field(alias="missing_lines")
    total: _Count = Field(alias="num_statements")
    covered_branches: _Count | None = None
    missing_branches: _Count | None = None
    total_branches: _Count | None = Field(default=None, alias="num_branches")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.covered + self.missing != self.total:
            raise ValueError(f"{self.covered} covered and {self.missing} missing are not {self.total} statements")
        if (self.covered_branches or 0) + (self.missing_branches or 0) != (self.total_branches or 0):
            raise ValueError("covered and missing branches are not all branches")
        return self


class _File(Part):
    summary: _Summary


class _Report(Part):
    meta: dict[str, Any]
    files: dict[str, _File]
    totals: _Summary


def read_document(document: Mapping[str, Any]) -> Reading:
    """The report `document`. Raises pydantic's `ValidationError`, or `UnreadableError` when it contradicts itself."""
    report = _Report.model_validate(document)
    totals, files = report.totals, [file.summary for file in report.files.values()]
    branches = totals.covered_branches or 0, totals.total_branches or 0
    listed = (
        (totals.covered, sum(one.covered for one in files)),
        (totals.total, sum(one.total for one in files)),
        (branches[0], sum(one.covered_branches or 0 for one in files)),
        (branches[1], sum(one.total_branches or 0 for one in files)),
    )
    if files and any(stated != added for stated, added in listed):
        raise UnreadableError("totals", "are not what the files add up to")
    return coverage_counts.reading(
        coverage_counts.ratio("totals", totals.covered, totals.total), coverage_counts.ratio("totals", *branches)
    )
