"""Until when a vulnerability in a release must be gone.

- A table: days from the moment it was found in the release, by how much the business depends on the application and
  how bad the flaw is. What attackers are known to use (KEV) has at most so many days, by criticality.
- The days are days of 24 hours, or working days of a calendar.
- An unspecified criticality counts as medium. An unknown severity counts as high until somebody rates it; `none`
  counts as low.
- Distrusted evidence has the deadline of a flaw of high severity: nobody knows what it hides.
- Worse is never later: a table in which it were is refused.
- 14 days for known exploited vulnerabilities are those of CISA's Binding Operational Directive 22-01.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise, product

from contracts.vocabulary import Criticality, Frozen, Severity
from services.monitoring.domain.working_days import Calendar, zone_of
from shared.errors import Invalid

CRITICALITIES = (Criticality.CRITICAL, Criticality.HIGH, Criticality.MEDIUM, Criticality.LOW)
"""Those that a table names, the worst first."""
SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
_CRITICALITY = {Criticality.UNSPECIFIED: Criticality.MEDIUM}
_SEVERITY = {Severity.UNKNOWN: Severity.HIGH, Severity.NONE: Severity.LOW}
Rows = Mapping[Criticality, Mapping[Severity, int]]


class SlaTable(Frozen):
    """Days by criticality and severity."""

    days: dict[Criticality, dict[Severity, int]]
    exploited: dict[Criticality, int]
    """At most so many for what is known to be exploited."""
    calendar: Calendar | None = None


DEFAULT = SlaTable(
    days={
        Criticality.CRITICAL: {Severity.CRITICAL: 3, Severity.HIGH: 7, Severity.MEDIUM: 30, Severity.LOW: 90},
        Criticality.HIGH: {Severity.CRITICAL: 7, Severity.HIGH: 14, Severity.MEDIUM: 45, Severity.LOW: 120},
        Criticality.MEDIUM: {Severity.CRITICAL: 14, Severity.HIGH: 30, Severity.MEDIUM: 90, Severity.LOW: 150},
        Criticality.LOW: {Severity.CRITICAL: 30, Severity.HIGH: 60, Severity.MEDIUM: 120, Severity.LOW: 180},
    },
    exploited={Criticality.CRITICAL: 3, Criticality.HIGH: 7, Criticality.MEDIUM: 14, Criticality.LOW: 14},
)


def made(days: Rows, exploited: Mapping[Criticality, int], calendar: Calendar | None) -> SlaTable:
    """A table of these cells, the others as by default.

    Raises `Invalid` (`sla_not_monotone`, `sla_time_zone_unknown`).
    """
    table = SlaTable(
        days={row: {**DEFAULT.days[row], **days.get(row, {})} for row in CRITICALITIES},
        exploited={**DEFAULT.exploited, **exploited},
        calendar=calendar,
    )
    if calendar is not None:
        zone_of(calendar.time_zone)
    _refuse_later_for_worse(table)
    return table


def due(
    criticality: Criticality,
    severity: Severity,
    since: datetime,
    *,
    exploited: bool = False,
    table: SlaTable = DEFAULT,
) -> datetime:
    """When a flaw found at `since` must be gone; whole days, so the time of day stays."""
    row = _CRITICALITY.get(criticality, criticality)
    days = table.days[row][counted_as(severity)]
    if exploited:
        days = min(days, table.exploited[row])
    return table.calendar.later(since, days) if table.calendar else since + timedelta(days=days)


def high_due(criticality: Criticality, since: datetime, table: SlaTable = DEFAULT) -> datetime:
    """When a release must be good again, whose evidence was distrusted or a rule failed at `since`: as a high flaw."""
    return due(criticality, Severity.HIGH, since, table=table)


def counted_as(severity: Severity) -> Severity:
    """The severity of the table that this one counts as."""
    return _SEVERITY.get(severity, severity)


def is_worse(severity: Severity, other: Severity) -> bool:
    """Whether the table puts `severity` above `other`."""
    return SEVERITIES.index(counted_as(severity)) < SEVERITIES.index(counted_as(other))


def _refuse_later_for_worse(table: SlaTable) -> None:
    for row, (worse, milder) in product(CRITICALITIES, pairwise(SEVERITIES)):
        if table.days[row][worse] > table.days[row][milder]:
            raise _later(f"{worse} flaws of {row} applications", f"{milder} ones")
    for (dearer, lesser), severity in product(pairwise(CRITICALITIES), SEVERITIES):
        if table.days[dearer][severity] > table.days[lesser][severity]:
            raise _later(f"{severity} flaws of {dearer} applications", f"those of {lesser} ones")
    for dearer, lesser in pairwise(CRITICALITIES):
        if table.exploited[dearer] > table.exploited[lesser]:
            raise _later(f"exploited flaws of {dearer} applications", f"those of {lesser} ones")


def _later(worse: str, milder: str) -> Invalid:
    return Invalid(
        "sla_not_monotone",
        f"The table gives {worse} more days than {milder}.",
        remedy="Give what is worse at most as many days; cells that are left out are as in `hallmark sla show`.",
    )
