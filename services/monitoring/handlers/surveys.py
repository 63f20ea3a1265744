"""What monitoring answers about all projects at once."""

from __future__ import annotations

import asyncio

from contracts.monitoring.v1.surveys import LookUpTrust, SurveyTrust, TrustPage, TrustSurvey
from services.monitoring.handlers import HANDLERS
from services.monitoring.storage.unit_of_work import MonitoringWork
from services.monitoring.wire_surveys import trust_line
from shared.errors import Forbidden


@HANDLERS.query(SurveyTrust)
async def survey_trust(query: SurveyTrust, work: MonitoringWork) -> TrustSurvey:
    """How far can what is current be relied on?"""
    seen = work.unit.caller.seen_projects(query.project)
    (due, count), counts = await asyncio.gather(work.surveys.due(query, seen), work.surveys.counts(query, seen))
    return TrustSurvey(counts=counts, due=tuple(trust_line(one) for one in due), due_count=count)


@HANDLERS.query(LookUpTrust)
async def look_up_trust(query: LookUpTrust, work: MonitoringWork) -> TrustPage:
    """May these releases be relied on? Those of projects that the caller may not see are left out, too."""
    seen = [one for one in query.releases if _may_see(work, one.project, one.application)]
    return TrustPage(releases=tuple(trust_line(one) for one in await work.surveys.named(seen)))


def _may_see(work: MonitoringWork, project: str, application: str) -> bool:
    try:
        work.unit.caller.require_member(project, application)
    except Forbidden:
        return False
    return True
