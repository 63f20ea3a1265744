"""What the gate overhears. Whatever changes a dossier judges again what waits for it."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.evidence.v1.events import EvidenceAdded, EvidenceRejudged
from contracts.monitoring.v1.exploitation import ExploitationLearned
from contracts.registry.v1.events import (
    ApplicationApplied,
    IncidentOpened,
    IncidentResolved,
    LifecycleApplied,
    VersionCreated,
    VersionMoved,
)
from contracts.vocabulary import PromotionKind
from services.gate import wire
from services.gate.domain.application import ApplicationContext, newest, same_for_gates
from services.gate.handlers import HANDLERS
from services.gate.handlers.judging import judge_again_of, judge_waiting, look_again_at
from services.gate.storage.unit_of_work import GateWork


@HANDLERS.on(VersionCreated)
async def version_created(event: VersionCreated, work: GateWork) -> None:
    """There is a version to judge, and word of its application. Versions that contain it may have waited for it."""
    await work.dossiers.versions.add(event)
    # Whoever contains it may belong to another project.
    await _judge_about(work, None, [event.version_digest])
    await _take_over(wire.application_context(event), work)


@HANDLERS.on(ApplicationApplied)
async def application_applied(event: ApplicationApplied, work: GateWork) -> None:
    """Policies may be scoped by criticality and labels: what waits is judged by those that govern now."""
    await _take_over(wire.application_context(event), work)


@HANDLERS.on(LifecycleApplied)
async def lifecycle_applied(event: LifecycleApplied, work: GateWork) -> None:
    """Which stages follow one another."""
    if await work.dossiers.surroundings.apply_lifecycle(event):
        await work.readiness.mark_within(event.project, ended=True)


@HANDLERS.on(EvidenceAdded)
async def evidence_added(event: EvidenceAdded, work: GateWork) -> None:
    """Keep the evidence, and judge again what waited for it."""
    await _hold(event, work)


@HANDLERS.on(EvidenceRejudged)
async def evidence_rejudged(event: EvidenceRejudged, work: GateWork) -> None:
    """Keep what the evidence counts for now, and judge again what waits. It may come before the evidence itself."""
    await _hold(event, work)


@HANDLERS.on(VersionMoved)
async def version_moved(event: VersionMoved, work: GateWork) -> None:
    """A version stands in a stage: it passed what led there, and another one stands there no longer."""
    await work.dossiers.surroundings.moved(event)
    moved = [one for one in (event.version, event.replaced) if one]
    await work.readiness.mark(f"{event.project}/{event.application}/{one}" for one in moved)
    if event.kind is PromotionKind.DEMOTE or (event.release and not event.trusted):
        await work.admissions.end(f"{event.project}/{event.application}/{event.version}", event.at)
    await judge_again_of(work, event.project, event.application)


@HANDLERS.on(IncidentOpened)
async def incident_opened(event: IncidentOpened, work: GateWork) -> None:
    """Something began to fail in production."""
    await work.dossiers.surroundings.incident_opened(event)
    await look_again_at(work, event.project, event.application)


@HANDLERS.on(IncidentResolved)
async def incident_resolved(event: IncidentResolved, work: GateWork) -> None:
    """It works again."""
    await work.dossiers.surroundings.incident_resolved(event)
    await look_again_at(work, event.project, event.application)


@HANDLERS.on(ExploitationLearned)
async def exploitation_learned(event: ExploitationLearned, work: GateWork) -> None:
    """What attackers use. What it closes is seen at the last look before a version moves."""
    known = await work.dossiers.exploitation.of(one.vulnerability for one in event.entries)
    await work.dossiers.exploitation.learn(event.entries, event.revisions)
    before = {one.vulnerability for one in known if one.exploited_since}
    # Scores move every day, and readiness is looked at every day: only the catalogue of exploited ones cannot wait.
    if before != {one.vulnerability for one in event.entries if one.exploited_since}:
        await work.readiness.mark_within("*")


async def _hold(event: EvidenceAdded | EvidenceRejudged, work: GateWork) -> None:
    if await work.dossiers.evidence.add(event.project, event.item):
        await _judge_about(work, event.project, event.item.subjects)


async def _judge_about(work: GateWork, project: str | None, subjects: Iterable[str]) -> None:
    versions = await work.dossiers.versions.made_of(project, subjects)
    await work.readiness.mark(versions)
    await work.admissions.mark(versions)
    if versions:
        await judge_waiting(work, await work.evaluations.open_about(versions, work.unit.now))


async def _take_over(said: ApplicationContext, work: GateWork) -> None:
    held = await work.dossiers.surroundings.context(said.project, said.application)
    context = newest(held, said)
    if context is held:
        return
    await work.dossiers.surroundings.put_context(context)
    # Each new version says it all again: what says nothing else must not have everything judged again.
    if not same_for_gates(held, context):
        await work.readiness.mark_within(f"{said.project}/{said.application}", ended=True)
        await judge_again_of(work, said.project, said.application)
