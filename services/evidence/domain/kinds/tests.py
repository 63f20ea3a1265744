"""In-toto test results.

- `result` and `configuration` are required, as the predicate says; the lists of names are not.
- A test that passed with warnings has passed.
- `PASSED` or `WARNED` beside a failed test contradicts itself and is unreadable: neither half may win.
- `skippedTests` and `finishedOn` are not part of the predicate, which allows more fields; both are read if there.

Source: in-toto/attestation spec/predicates/test-result.md, `https://in-toto.io/attestation/test-result/v0.1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from contracts.facts import MAX_LISTED, TestFacts
from services.evidence.domain.kinds.reading import Moment, Part, Reading

_RESULTS: dict[str, Literal["passed", "warned", "failed"]] = {
    "PASSED": "passed",
    "WARNED": "warned",
    "FAILED": "failed",
}


class _TestResult(Part):
    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: tuple[dict[str, Any], ...]
    passed: tuple[str, ...] | None = Field(default=None, alias="passedTests")
    warned: tuple[str, ...] | None = Field(default=None, alias="warnedTests")
    failed: tuple[str, ...] | None = Field(default=None, alias="failedTests")
    skipped: tuple[str, ...] | None = Field(default=None, alias="skippedTests")
    finished: Moment | None = Field(default=None, alias="finishedOn")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.failed and self.result != "FAILED":
            raise ValueError(f"result is {self.result} although failedTests names {len(self.failed)}")
        return self


def read(predicate: Mapping[str, Any]) -> Reading:
    """The test result in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    found = _TestResult.model_validate(predicate)
    failed = found.failed or ()
    return Reading(
        TestFacts(
            result=_RESULTS[found.result],
            passed=len(found.passed or ()) + len(found.warned or ()),
            failed=len(failed),
            skipped=len(found.skipped or ()),
            failed_names=failed[:MAX_LISTED],
        ),
        claimed_at=found.finished,
    )
