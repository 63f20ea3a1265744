"""What monitoring answers about risk over all projects, and over time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from contracts.monitoring.v1.outlook import RiskOutlook, RiskSurvey, ShowRiskOutlook, SurveyRisk
from services.monitoring import wire
from services.monitoring import wire_outlook as told
from services.monitoring.domain.buckets import Period, spans
from services.monitoring.domain.delivery import Window
from services.monitoring.domain.outlook import counted
from services.monitoring.handlers import HANDLERS
from services.monitoring.handlers.imports import advisory_standing
from services.monitoring.handlers.rights import visible
from services.monitoring.storage.unit_of_work import MonitoringWork

WINDOW = timedelta(days=90)
CAUSES = 3


@HANDLERS.query(SurveyRisk)
async def survey_risk(query: SurveyRisk, work: MonitoringWork) -> RiskSurvey:
    """Where is risk, over all projects?"""
    seen = visible(work.unit.caller, None, None)
    urgent = await work.outlook.urgent(seen, work.unit.now)
    releases = await work.outlook.nearest(seen, query.most)
    projects = told.project_risks(urgent)
    known, last_import = await work.advisories.count()
    return RiskSurvey(
        projects=projects[: told.MOST_PROJECTS],
        project_count=len(projects),
        at_risk=sum(one.at_risk for one in projects),
        overdue=sum(one.overdue for one in projects),
        revoked=sum(one.revoked for one in projects),
        due=told.deadline_days(urgent),
        releases=tuple(wire.release_trust(one, listed=CAUSES) for one in releases),
        advisories=known,
        last_import=last_import,
        imports=await advisory_standing(work),
    )


@HANDLERS.query(ShowRiskOutlook)
async def show_risk_outlook(query: ShowRiskOutlook, work: MonitoringWork) -> RiskOutlook:
    """How has risk developed, and what is to come?"""
    work.unit.caller.require_member(query.project, query.application)
    now, by = work.unit.now, Period(query.by.value)
    scope = [name for name in (query.project, query.application) if name]
    where = dict(zip(("project", "application"), scope, strict=False))
    parts = spans(Window(query.since or now - WINDOW, now), by, ZoneInfo("UTC"))
    since = parts[0].since
    still_open = await work.outlook.open_alerts(where)
    opened = await work.outlook.opened(where, since, by)
    closed = await work.outlook.closed(where, since, by)
    undecided, how_many = await work.outlook.undecided(scope, told.MOST_UNDECIDED)
    standing: Counter[str] = Counter()
    for one in still_open:
        standing[one.severity] += one.count
    return RiskOutlook.model_validate(
        {
            "project": query.project,
            "application": query.application,
            "at": now.astimezone(UTC),
            "open": standing,
            "overdue": await work.outlook.overdue(where, now),
            "due": told.due_days(still_open),
            "by": query.by,
            "series": tuple(map(told.alert_period, counted(parts, opened, closed, standing))),
            "undecided": told.undecided_releases(undecided),
            "undecided_releases": how_many,
        }
    )
