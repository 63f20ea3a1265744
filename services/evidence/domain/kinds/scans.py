"""Scanner reports that are told apart by what is in them, where nothing else says whose they are.

- SARIF has `version` and `runs`, Trivy `SchemaVersion`, Grype `matches`, Snyk `ok`
  beside `vulnerabilities` (or a list of such).
- A report of no known shape is unreadable: an unknown scanner's report is no clean one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.evidence.domain.kinds import grype, sarif, snyk, trivy
from services.evidence.domain.kinds.reading import Reading, UnreadableError


def read_any(report: Any) -> Reading:
    """The findings in `report`, of whichever scanner. Raises pydantic's `ValidationError` or `UnreadableError`."""
    if isinstance(report, Mapping):
        if "runs" in report:
            return sarif.read_document(report)
        if "SchemaVersion" in report:
            return trivy.read_document(report)
        if "matches" in report:
            return grype.read_document(report)
        if "ok" in report:
            return snyk.read_document(report)
    if isinstance(report, list) and report and all(isinstance(one, Mapping) and "ok" in one for one in report):
        return snyk.read_document(report)
    raise UnreadableError("scanner.result", "is no report of SARIF, Trivy, Grype or Snyk")
