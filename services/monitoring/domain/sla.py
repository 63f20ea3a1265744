"""Until when a vulnerability in a release must be gone.

- One table: days from the moment it was found in the release, by how much the business depends on the application and
  how bad the flaw is.
- An unspecified criticality counts as medium. An unknown severity counts as high until somebody rates it; `none`
  counts as low.
- Distrusted evidence has the deadline of a flaw of high severity: nobody knows what it hides.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from contracts.vocabulary import Criticality, Severity
from services.monitoring.domain.trust import VulnerabilityCause

_DAYS: dict[Criticality, dict[Severity, int]] = {
    Criticality.CRITICAL: {Severity.CRITICAL: 3, Severity.HIGH: 7, Severity.MEDIUM: 30, Severity.LOW: 90},
    Criticality.HIGH: {Severity.CRITICAL: 7, Severity.HIGH: 14, Severity.MEDIUM: 45, Severity.LOW: 120},
    Criticality.MEDIUM: {Severity.CRITICAL: 14, Severity.HIGH: 30, Severity.MEDIUM: 90, Severity.LOW: 150},
    Criticality.LOW: {Severity.CRITICAL: 30, Severity.HIGH: 60, Severity.MEDIUM: 120, Severity.LOW: 180},
}
_CRITICALITY = {Criticality.UNSPECIFIED: Criticality.MEDIUM}
_SEVERITY = {Severity.UNKNOWN: Severity.HIGH, Severity.NONE: Severity.LOW}


def due(criticality: Criticality, severity: Severity, since: datetime) -> datetime:
    """When a flaw found at `since` must be gone; whole days, so the time of day stays."""
    row = _DAYS[_CRITICALITY.get(criticality, criticality)]
    return since + timedelta(days=row[_SEVERITY.get(severity, severity)])


def distrust_due(criticality: Criticality, since: datetime) -> datetime:
    """When a release must have passed its gate again, whose evidence was distrusted at `since`: as a high flaw."""
    return due(criticality, Severity.HIGH, since)


def earliest_due(criticality: Criticality, causes: Iterable[VulnerabilityCause]) -> datetime | None:
    """The deadline of a release: the first of its causes' deadlines; None without causes."""
    return min((due(criticality, cause.match.severity, cause.since) for cause in causes), default=None)
