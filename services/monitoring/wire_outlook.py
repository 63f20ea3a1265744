"""Where risk is and where it goes, as the contract tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date

from contracts.monitoring.v1.outlook import AlertPeriod, DeadlineDay, DueDay, ProjectRisk, UndecidedRelease
from services.monitoring.domain.outlook import Counted, Tally
from services.monitoring.storage.outlook import Urgent

MOST_PROJECTS = 200
MOST_DAYS = 120
MOST_UNDECIDED = 20


def project_risks(found: Iterable[Urgent]) -> tuple[ProjectRisk, ...]:
    """By project, those with most overdue releases first, then those with the nearest deadline."""
    by_project: dict[str, list[Urgent]] = {}
    for one in found:
        by_project.setdefault(one.project, []).append(one)
    risks = [
        ProjectRisk(
            project=name,
            at_risk=sum(one.count for one in mine if not one.revoked),
            overdue=sum(one.count for one in mine if one.overdue),
            revoked=sum(one.count for one in mine if one.revoked),
            nearest=min((one.day for one in mine if one.day), default=None),
        )
        for name, mine in by_project.items()
    ]
    return tuple(sorted(risks, key=lambda one: (-one.overdue, one.nearest or date.max, one.project)))


def deadline_days(found: Iterable[Urgent]) -> tuple[DeadlineDay, ...]:
    """Deadlines to come, by day."""
    days: Counter[date] = Counter()
    for one in found:
        if one.day and not one.overdue:
            days[one.day] += one.count
    return tuple(DeadlineDay(day=day, releases=count) for day, count in sorted(days.items())[:MOST_DAYS])


def due_days(open_alerts: Iterable[Tally]) -> tuple[DueDay, ...]:
    """What is open, by the day on which it is due."""
    days: dict[date, Counter[str]] = {}
    for one in open_alerts:
        days.setdefault(one.at.date(), Counter())[one.severity] += one.count
    return tuple(DueDay.model_validate({"day": day, "alerts": counts}) for day, counts in sorted(days.items()))


def alert_period(one: Counted) -> AlertPeriod:
    """One period of the series."""
    return AlertPeriod.model_validate(
        {
            "since": one.span.since,
            "until": one.span.until,
            "partial": one.span.partial,
            "opened": one.opened,
            "closed": one.closed,
            "met": one.met,
            "open": one.open,
        }
    )


def undecided_releases(found: Iterable[tuple[str, int]]) -> tuple[UndecidedRelease, ...]:
    """By application and version, from the keys under which releases are kept."""
    told = []
    for key, total in found:
        _, application, version = key.split("/")
        told.append(UndecidedRelease(application=application, version=version, total=total))
    return tuple(told)
