"""What the gate overhears."""

from __future__ import annotations

from contracts.evidence.v1.events import EvidenceAdded, EvidenceRejudged
from contracts.registry.v1.events import ApplicationApplied, VersionCreated
from services.gate import wire
from services.gate.domain.application import ApplicationContext, newest
from services.gate.handlers import HANDLERS
from services.gate.handlers.judging import judge
from services.gate.storage.unit_of_work import GateWork


@HANDLERS.on(VersionCreated)
async def version_created(event: VersionCreated, work: GateWork) -> None:
    """There is a version to judge, and word of its application."""
    await work.dossiers.add_version(event)
    await _take_over(wire.application_context(event), work)


@HANDLERS.on(ApplicationApplied)
async def application_applied(event: ApplicationApplied, work: GateWork) -> None:
    """Policies may be scoped by criticality and labels: what waits is judged by those that govern now."""
    await _take_over(wire.application_context(event), work)


@HANDLERS.on(EvidenceAdded)
async def evidence_added(event: EvidenceAdded, work: GateWork) -> None:
    """Keep the evidence, and judge again what waited for it."""
    await _hold(event, work)


@HANDLERS.on(EvidenceRejudged)
async def evidence_rejudged(event: EvidenceRejudged, work: GateWork) -> None:
    """Keep what the evidence counts for now, and judge again what waits. It may come before the evidence itself."""
    await _hold(event, work)


async def _hold(event: EvidenceAdded | EvidenceRejudged, work: GateWork) -> None:
    await work.dossiers.add_evidence(event.project, event.item)
    await work.dossiers.touch(event.project, event.item.subjects)
    for evaluation in await work.verdicts.open_about(event.project, event.item.subjects, work.unit.now):
        await judge(evaluation.question, work, before=evaluation)


async def _take_over(said: ApplicationContext, work: GateWork) -> None:
    held = await work.dossiers.context(said.project, said.application)
    context = newest(held, said)
    if context is held:
        return
    await work.dossiers.put_context(context)
    for evaluation in await work.verdicts.open_of(said.project, said.application, work.unit.now):
        await judge(evaluation.question, work, before=evaluation)
