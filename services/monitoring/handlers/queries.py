"""What monitoring answers."""

from __future__ import annotations

from datetime import timedelta

from contracts.monitoring.v1.queries import ListRisk, ShowMetrics, ShowTrust
from contracts.monitoring.v1.views import DeliveryMetrics, ReleaseTrust, RiskPage
from services.monitoring import wire
from services.monitoring.domain.delivery import History, Window
from services.monitoring.handlers import HANDLERS
from services.monitoring.handlers.imports import advisory_standing
from services.monitoring.storage.releases import RELEASES
from services.monitoring.storage.unit_of_work import MonitoringWork
from services.monitoring.storage.views import risk_page
from services.monitoring.wire_metrics import delivery_metrics

WINDOW = timedelta(days=90)
LOOK_BACK = timedelta(days=365)
"""How long before the window a deployment can lie that failed in it; the price of a bounded answer."""


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


@HANDLERS.query(ShowMetrics)
async def show_metrics(query: ShowMetrics, work: MonitoringWork) -> DeliveryMetrics:
    """How fast and how safely is delivered?"""
    work.unit.caller.require_member(query.project, query.application)
    until = query.until or work.unit.now
    window = Window(query.since or until - WINDOW, until)
    where = {"project": query.project}
    if query.application is not None:
        where["application"] = query.application
    since = window.since - LOOK_BACK
    history = History(await work.delivery.deployments(where, since), await work.delivery.incidents(where, since))
    return DeliveryMetrics(
        project=query.project,
        application=query.application,
        since=window.since,
        until=window.until,
        metrics=delivery_metrics(history, window),
    )
