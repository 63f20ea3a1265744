"""What monitoring hears of what runs, and of what stands in the stages."""

from __future__ import annotations

from contracts.evidence.v1.events import EvidenceAdded, EvidenceRejudged
from contracts.registry.v1.deliveries import DeploymentRecorded
from contracts.registry.v1.events import LifecycleApplied, StandingChanged
from services.monitoring import wire_drift as wire
from services.monitoring.handlers import HANDLERS
from services.monitoring.handlers.drift import look_again
from services.monitoring.storage.unit_of_work import MonitoringWork


@HANDLERS.on(DeploymentRecorded)
async def deployment_recorded(event: DeploymentRecorded, work: MonitoringWork) -> None:
    """A deployment tool said that a service runs something else, or nothing any more."""
    await work.match_clock.touch(event.project)
    await work.running.tell(wire.told_by_tool(event))
    await look_again(work, event.project, event.application)


async def deployed_by_evidence(event: EvidenceAdded | EvidenceRejudged, work: MonitoringWork) -> None:
    """Believed evidence says that something runs somewhere; any other evidence says nothing here."""
    fact = wire.told_by_evidence(event)
    if fact is None:
        return
    await work.match_clock.touch(event.project)
    owners = [fact.application] if fact.application else await _owners(event, work)
    for application in owners or [""]:
        await work.running.tell(wire.of_application(fact, application))
        await look_again(work, event.project, application)


@HANDLERS.on(StandingChanged)
async def standing_changed(event: StandingChanged, work: MonitoringWork) -> None:
    """Another version stands in a stage, or none."""
    await work.match_clock.touch(event.project)
    if await work.stands.stands(event.project, event.application, event.stage, event.current, event.at):
        await look_again(work, event.project, event.application)


@HANDLERS.on(LifecycleApplied)
async def lifecycle_applied(event: LifecycleApplied, work: MonitoringWork) -> None:
    """Know which stages there are: environments stand for those of the same name."""
    await work.match_clock.touch(event.project)
    stages = {stage.name: stage.release for stage in event.stages}
    if await work.stands.defined(event.project, event.lifecycle, stages, event.revision):
        for application in await work.running.applications(event.project):
            await look_again(work, event.project, application)


async def _owners(event: EvidenceAdded | EvidenceRejudged, work: MonitoringWork) -> list[str]:
    versions = await work.inventory.owning(event.project, event.item.subjects)
    return sorted({version.application for version in versions})
