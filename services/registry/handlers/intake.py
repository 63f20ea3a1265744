"""What pipelines publish, and what they are answered when they ask."""

from __future__ import annotations

from contracts.registry.v1.intake import EventOutcome, EventReceipt, PipelineEvent, RecordPipelineEvent
from contracts.vocabulary import Role
from services.registry.domain.meanings import NothingOfConcern
from services.registry.domain.pipeline_event import check_time, meaning_of, named_in
from services.registry.handlers import HANDLERS
from services.registry.handlers.assigning import NothingYetError, belongs_to
from services.registry.handlers.recording import record
from services.registry.storage.unit_of_work import RegistryWork
from shared.errors import Transient
from shared.logs import log


@HANDLERS.on(PipelineEvent)
async def pipeline_event_published(event: PipelineEvent, work: RegistryWork) -> None:
    """Keep what concerns an application the caller may speak for; the same CDEvent twice counts once.

    What belongs to nothing yet comes again until that is known, for as long as messages are redelivered.
    """
    try:
        await take_in(event, work)
    except NothingYetError as early:
        raise Transient(early.code, early.message, remedy=early.remedy) from early


@HANDLERS.command(RecordPipelineEvent)
async def record_pipeline_event(command: RecordPipelineEvent, work: RegistryWork) -> EventReceipt:
    """The same, for somebody who waits for the answer: what belongs to nothing yet is refused, to be sent again."""
    return await take_in(command.event, work)


async def take_in(event: PipelineEvent, work: RegistryWork) -> EventReceipt:
    """Keep what a CDEvent says, and say what became of it."""
    context, about = event.context, event.about
    meaning = meaning_of(context.type, about.id, about.content, event.custom_data)
    if isinstance(meaning, NothingOfConcern):
        log.debug("pipeline event of no concern", type=context.type)
        return EventReceipt(outcome=EventOutcome.IGNORED, message=f"Nothing is kept of {context.type}.")
    check_time(context.timestamp, work.unit.now)
    named = named_in(context.type, about.id, about.content, event.custom_data)
    belongs = await belongs_to(event, meaning, named, work)
    project, application = belongs.project, belongs.application
    work.unit.caller.require(project, Role.CONTRIBUTOR, application=application)
    await work.catalogue.application(project, application)
    where = {"project": project, "application": application}
    if await work.versions.heard_before((project, application, context.source, context.id), work.unit.now):
        message = f"{context.id} of {context.source} came before; nothing changed."
        return EventReceipt(outcome=EventOutcome.REPEATED, message=message, **where)
    became = await record(event, meaning, belongs, work)
    message = f"{', '.join(became.facts) or 'Nothing new'} for {project}/{application}."
    return EventReceipt(
        outcome=EventOutcome.RECORDED, message=message, version=became.version, facts=became.facts, **where
    )
