"""What to fix first."""

from __future__ import annotations

from itertools import chain

from contracts.monitoring.v1.exposure import PlanRemediation, RemediationPlan
from contracts.vocabulary import Trust
from services.monitoring import wire_exposure as wire
from services.monitoring.domain.priority import Burden, World, plan
from services.monitoring.domain.release import Release, indexed
from services.monitoring.handlers import HANDLERS
from services.monitoring.storage.releases import RELEASES
from services.monitoring.storage.running import meaning
from services.monitoring.storage.unit_of_work import MonitoringWork
from services.monitoring.storage.views import MAX_PAGE, risk_page

MOST_RELEASES = 500
"""At risk, that one answer looks at."""


@HANDLERS.query(PlanRemediation)
async def plan_remediation(query: PlanRemediation, work: MonitoringWork) -> RemediationPlan:
    """Which step removes most risk from what stands or runs?"""
    work.unit.caller.require_member(query.project, query.application)
    releases, complete = await _at_risk(query, work)
    burdens = [
        Burden(one.application, one.version, one.context.criticality, flaw.match, flaw.since)
        for one in releases
        for flaw in one.flaws
    ]
    steps = plan(burdens, await _world(burdens, work))
    first = next((place for place, one in enumerate(steps, 1) if one.component == query.after), 0)
    listed = steps[first : first + query.limit]
    following = listed[-1].component if first + len(listed) < len(steps) else None
    return wire.remediation_plan(steps, listed, releases=len(releases), complete=complete, following=following)


async def _at_risk(query: PlanRemediation, work: MonitoringWork) -> tuple[list[Release], bool]:
    """Releases at risk that stand or run, and whether these are all of them."""
    found: list[Release] = []
    after: str | None = None
    for _ in range(MOST_RELEASES // MAX_PAGE):
        page, after = await risk_page(
            work.unit.collection(RELEASES),
            query.project,
            query.application,
            everything=False,
            after=after,
            limit=MAX_PAGE,
        )
        found += await _standing_or_running([one for one in page if one.state.trust is Trust.AT_RISK], work)
        if after is None:
            return found, True
    return found, False


async def _standing_or_running(releases: list[Release], work: MonitoringWork) -> list[Release]:
    names = {one.key: _names(one) for one in releases if not one.current}
    run = await work.running.among(chain.from_iterable(names.values()))
    return [one for one in releases if one.current or not run.isdisjoint(names[one.key])]


def _names(release: Release) -> list[str]:
    return [meaning(release.project, release.application, name) for name in (release.version, *release.own_subjects)]


async def _world(burdens: list[Burden], work: MonitoringWork) -> World:
    packages = set(chain.from_iterable(indexed({one.match.component for one in burdens}).values()))
    advisories = await work.advisories.naming(packages)
    names = {name for one in advisories for name in (one.id, *one.aliases)}
    known = await work.exploitation.by_id(names)
    return World(advisories, {name: one.told for name, one in known.items()}, work.unit.now)
