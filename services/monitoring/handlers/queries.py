"""What monitoring answers."""

from __future__ import annotations

from contracts.monitoring.v1.queries import ListRisk, ShowTrust
from contracts.monitoring.v1.views import ReleaseTrust, RiskPage
from services.monitoring import wire
from services.monitoring.handlers import HANDLERS
from services.monitoring.handlers.imports import advisory_standing
from services.monitoring.storage.releases import RELEASES
from services.monitoring.storage.unit_of_work import MonitoringWork
from services.monitoring.storage.views import risk_page


@HANDLERS.query(ListRisk)
async def list_risk(query: ListRisk, work: MonitoringWork) -> RiskPage:
    """Which releases of a project are at risk?"""
    work.unit.caller.require_member(query.project, query.application)
    releases, following = await risk_page(
        work.unit.collection(RELEASES),
        query.project,
        query.application,
        everything=query.all,
        after=query.after,
        limit=query.limit,
    )
    known, last_import = await work.advisories.count()
    return RiskPage(
        releases=tuple(wire.release_trust(one, listed=wire.LISTED_IN_PAGE) for one in releases),
        advisories=known,
        last_import=last_import,
        imports=await advisory_standing(work),
        next=following,
    )


@HANDLERS.query(ShowTrust)
async def show_trust(query: ShowTrust, work: MonitoringWork) -> ReleaseTrust:
    """May this release still be relied on?"""
    work.unit.caller.require_member(query.project, query.application)
    told = wire.release_trust(await work.releases.get(query.project, query.application, query.version))
    return told.model_copy(update={"imports": await advisory_standing(work)})
