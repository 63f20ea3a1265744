"""Comparing what runs with what should, whenever either side changes; and answering what was found.

Whoever calls `look_again` has touched the match clock of the project before reading anything: of two that change the
two sides at the same time, the later sees what the other did.
"""

from __future__ import annotations

from contracts.monitoring.v1.running import DriftFound, DriftGone, DriftPage, ListDrift, ListRunning, RunningPage
from services.monitoring import wire_drift as wire
from services.monitoring.domain.drift import Fact, Situation, Standing, drifts
from services.monitoring.domain.release import Release
from services.monitoring.handlers import HANDLERS
from services.monitoring.storage.unit_of_work import MonitoringWork


async def look_again(work: MonitoringWork, project: str, application: str) -> None:
    """Find what differs now, and tell what began and what ended since the last time."""
    facts = await work.running.of(project, application)
    if not application or not facts:
        return  # Where nobody ever said what runs, nothing can differ.
    now = {one.key: one for one in drifts(await _situation(work, project, application, facts))}
    before = await work.drifts.of(project, application)
    context = await work.applications.context(project, application)
    for key in sorted(before.keys() - now.keys()):
        drift, since = before[key]
        await work.drifts.gone(project, application, drift)
        view = wire.drift_view(project, application, drift, since, context)
        work.unit.announce(wire.event(DriftGone, view, work.unit.now))
    for key in sorted(now):
        drift, since = now[key], before[key][1] if key in before else work.unit.now
        if key not in before or before[key][0] != drift:
            await work.drifts.put(project, application, drift, since)
        if key not in before:
            view = wire.drift_view(project, application, drift, since, context)
            work.unit.announce(wire.event(DriftFound, view, work.unit.now))


@HANDLERS.query(ListRunning)
async def list_running(query: ListRunning, work: MonitoringWork) -> RunningPage:
    """What of a project runs where?"""
    work.unit.caller.require_member(query.project, query.application)
    facts, following = await work.running.page(query.project, query.application, after=query.after, limit=query.limit)
    situations = {
        name: await _situation(work, query.project, name, [fact for fact in facts if fact.application == name])
        for name in {fact.application for fact in facts}
    }
    services = tuple(wire.running_application(fact, situations[fact.application]) for fact in facts)
    return RunningPage(services=services, next=following)


@HANDLERS.query(ListDrift)
async def list_drift(query: ListDrift, work: MonitoringWork) -> DriftPage:
    """Where does not run what should?"""
    work.unit.caller.require_member(query.project, query.application)
    found, following = await work.drifts.page(query.project, query.application, after=query.after, limit=query.limit)
    contexts = {
        name: await work.applications.context(query.project, name) for name in sorted({name for name, _, _ in found})
    }
    views = [wire.drift_view(query.project, name, drift, since, contexts[name]) for name, drift, since in found]
    return DriftPage(drifts=tuple(views), next=following)


async def _situation(work: MonitoringWork, project: str, application: str, facts: list[Fact]) -> Situation:
    currents = await work.stands.of(project, application)
    versions: dict[str, set[str]] = {}
    for one in await work.inventory.owning(project, {digest for fact in facts for digest in fact.digests}):
        if one.application == application:
            for digest in one.own:
                versions.setdefault(digest, set()).add(one.version)
    named = {fact.version for fact in facts if fact.version}
    for name in sorted(named):
        known = await work.inventory.find(project, application, name)
        if known is not None and known.registered:
            versions.setdefault(name, set()).add(name)
    matter = {name for names in versions.values() for name in names} | {name for name in currents.values() if name}
    releases = await _releases(work, project, application, matter)
    return Situation(
        facts=facts,
        versions={name: tuple(sorted(found)) for name, found in versions.items()},
        releases={name: Standing(one.state.trust, one.current, one.stage) for name, one in releases.items()},
        currents=currents,
        stages=await work.stands.stages(project),
        ran=frozenset([name for name, one in releases.items() if one.current and await _ran(work, one)]),
    )


async def _releases(work: MonitoringWork, project: str, application: str, versions: set[str]) -> dict[str, Release]:
    found = {name: await work.releases.find(project, application, name) for name in sorted(versions)}
    return {name: one for name, one in found.items() if one is not None}


async def _ran(work: MonitoringWork, release: Release) -> bool:
    names = (release.version, *release.own_subjects)
    return await work.running.ever(release.project, release.application, names)
