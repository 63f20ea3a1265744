"""What the gate overhears."""

from __future__ import annotations

from contracts.evidence.v1.events import EvidenceAdded
from contracts.registry.v1.events import ApplicationApplied, VersionCreated
from services.gate.handlers import HANDLERS
from services.gate.handlers.judging import judge
from services.gate.storage.unit_of_work import GateWork


@HANDLERS.on(VersionCreated)
async def version_created(event: VersionCreated, work: GateWork) -> None:
    """There is a version to judge."""
    await work.dossiers.add_version(event)


@HANDLERS.on(ApplicationApplied)
async def application_applied(event: ApplicationApplied, work: GateWork) -> None:
    """The business context of an application's versions may have changed."""
    await work.dossiers.update_context(event)


@HANDLERS.on(EvidenceAdded)
async def evidence_added(event: EvidenceAdded, work: GateWork) -> None:
    """Keep the evidence, and judge again what waited for it."""
    await work.dossiers.add_evidence(event.project, event.item)
    await work.dossiers.touch(event.project, event.item.subjects)
    for evaluation in await work.verdicts.open_about(event.project, event.item.subjects, work.unit.now):
        await judge(evaluation.question, work, before=evaluation)
