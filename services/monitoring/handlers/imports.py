"""Imports of advisories: begun, counted, finished; what could not be read is kept."""

from __future__ import annotations

from contracts.importing import ImportCounts, ImportState
from contracts.monitoring.v1.commands import AdvisoriesImported, ImportAdvisories
from contracts.monitoring.v1.feeds import (
    AdvisoriesQuarantined,
    AdvisoryImportBegun,
    AdvisoryImportFinished,
    AdvisoryImportPage,
    AdvisoryStanding,
    BeginAdvisoryImport,
    FinishAdvisoryImport,
    ListAdvisoryImports,
    ListQuarantinedAdvisories,
    QuarantineAdvisories,
    QuarantinePage,
)
from services.monitoring import wire_imports as wire
from services.monitoring.domain.imports import Import, standing, unreadable
from services.monitoring.handlers import HANDLERS
from services.monitoring.handlers.rights import require_security_anywhere
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.digests import sha256_digest
from shared.logs import log

_PURPOSE = "import advisories"
_UNNAMED = "unnamed"
_ID_LENGTH = 24


@HANDLERS.command(BeginAdvisoryImport)
async def begin_advisory_import(command: BeginAdvisoryImport, work: MonitoringWork) -> AdvisoryImportBegun:
    """Give an import its identity."""
    caller = work.unit.caller
    require_security_anywhere(caller, _PURPOSE)
    said = f"{caller.actor.subject}\n{command.command_id}\n{work.unit.now.isoformat()}"
    import_id = f"imp-{sha256_digest(said.encode()).partition(':')[2][:_ID_LENGTH]}"
    await work.imports.begin(Import(import_id, command.source, work.unit.now, caller.actor.subject))
    return AdvisoryImportBegun(import_id=import_id)


@HANDLERS.command(FinishAdvisoryImport)
async def finish_advisory_import(command: FinishAdvisoryImport, work: MonitoringWork) -> AdvisoryImportFinished:
    """Judge whether it was complete."""
    require_security_anywhere(work.unit.caller, _PURPOSE)
    before = await work.imports.get(command.import_id)
    if before.state is not ImportState.RUNNING:
        return AdvisoryImportFinished(imported=wire.advisory_import(before))
    counts = await work.imports.counts(command.import_id)
    after = before.finished(counts, command.records, command.because, work.unit.now)
    await work.imports.finish(after)
    if after.state is ImportState.COMPLETE:
        await work.quarantine.settled(after.source)
    log.info("advisories imported", source=after.source, state=after.state.value, **counts.model_dump())
    return AdvisoryImportFinished(imported=wire.advisory_import(after))


@HANDLERS.command(QuarantineAdvisories)
async def quarantine_advisories(command: QuarantineAdvisories, work: MonitoringWork) -> AdvisoriesQuarantined:
    """Keep what could not be sent, and count it."""
    require_security_anywhere(work.unit.caller, _PURPOSE)
    one = await work.imports.running(command.import_id)
    found = [
        unreadable(
            place=record.place,
            problem=record.problem,
            excerpt=record.excerpt,
            source=one.source,
            import_id=one.import_id,
        )
        for record in command.records
    ]
    await work.quarantine.put(found, work.unit.now)
    await work.imports.counted(one.import_id, command.command_id, ImportCounts(malformed=len(found)))
    return AdvisoriesQuarantined(quarantined=len(found))


@HANDLERS.query(ListAdvisoryImports)
async def list_advisory_imports(query: ListAdvisoryImports, work: MonitoringWork) -> AdvisoryImportPage:
    """What was imported, when, and was it complete? Which advisories are known is public."""
    found, following = await work.imports.page(query.source, after=query.after, limit=query.limit)
    told = []
    for one in found:
        seen = one.seen_at(work.unit.now)
        counts = await work.imports.counts(one.import_id) if one.state is ImportState.RUNNING else one.counts
        told.append(wire.advisory_import(seen, counts))
    return AdvisoryImportPage(imports=tuple(told), standing=await advisory_standing(work), next=following)


@HANDLERS.query(ListQuarantinedAdvisories)
async def list_quarantined_advisories(query: ListQuarantinedAdvisories, work: MonitoringWork) -> QuarantinePage:
    """Which records could not be read?"""
    found, following = await work.quarantine.page(query.source, after=query.after, limit=query.limit)
    return QuarantinePage(records=tuple(map(wire.quarantined_advisory, found)), next=following)


async def advisory_standing(work: MonitoringWork) -> AdvisoryStanding:
    """How much it is worth that no flaw was found."""
    return wire.advisory_standing(standing(await work.imports.sources(), work.unit.now))


async def noted(work: MonitoringWork, command: ImportAdvisories, answer: AdvisoriesImported) -> AdvisoriesImported:
    """The answer to one batch, once it is counted, its malformed records are kept, and its sound ones let go."""
    one = await work.imports.running(command.import_id) if command.import_id else None
    source = one.source if one else command.source or _UNNAMED
    sound, malformed = wire.sorted_out(command, answer, source)
    await work.quarantine.sound({record.id for record in sound})
    await work.quarantine.put(malformed, work.unit.now)
    answer = answer.model_copy(update={"withdrawn": sum(record.withdrawn for record in sound)})
    if one:
        counts = ImportCounts(
            added=answer.added,
            updated=answer.updated,
            unchanged=answer.unchanged,
            withdrawn=answer.withdrawn,
            malformed=len(answer.refused),
        )
        await work.imports.counted(one.import_id, command.command_id, counts)
    return answer
