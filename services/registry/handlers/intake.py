"""What pipelines publish."""

from __future__ import annotations

from contracts.registry.v1.events import ArtifactPublished, IncidentOpened, IncidentResolved
from contracts.registry.v1.intake import PipelineEvent
from contracts.vocabulary import Role
from services.registry.domain import pipeline_event
from services.registry.domain.pipeline_event import (
    ArtifactBuilt,
    IncidentBegan,
    IncidentEnded,
    Meaning,
    Named,
    NothingOfConcern,
)
from services.registry.handlers import HANDLERS
from services.registry.storage.unit_of_work import RegistryWork
from shared.errors import Invalid, NotFound
from shared.logs import log


@HANDLERS.on(PipelineEvent)
async def pipeline_event_published(event: PipelineEvent, work: RegistryWork) -> None:
    """Keep what concerns an application the caller may speak for; the same CDEvent twice counts once."""
    meaning = pipeline_event.meaning_of(event.context.type, event.about.id, event.custom_data)
    if isinstance(meaning, NothingOfConcern):
        log.debug("pipeline event of no concern", type=event.context.type)
        return
    named = pipeline_event.named_in(event.about.content, event.custom_data)
    project, application = await _belongs_to(meaning, named, work)
    work.unit.caller.require(project, Role.CONTRIBUTOR, application=application)
    await work.catalogue.application(project, application)
    if await work.versions.heard_before((project, application, event.context.source, event.context.id), work.unit.now):
        return
    by, at = work.unit.caller.actor.subject, event.context.timestamp
    match meaning:
        case ArtifactBuilt(artifact, _, source):
            work.unit.announce(
                ArtifactPublished(
                    project=project, application=application, artifact=artifact, source=source, by=by, at=at
                )
            )
        case IncidentBegan(incident_id, version):
            work.unit.announce(
                IncidentOpened(
                    project=project, application=application, incident_id=incident_id, version=version, by=by, at=at
                )
            )
        case IncidentEnded(incident_id):
            work.unit.announce(
                IncidentResolved(project=project, application=application, incident_id=incident_id, by=by, at=at)
            )


async def _belongs_to(meaning: Meaning, named: Named, work: RegistryWork) -> tuple[str, str]:
    """The project and application: by package binding, else as named in the event; they must not disagree."""
    package = meaning.package if isinstance(meaning, ArtifactBuilt) else None
    bound = await work.catalogue.application_of_package(package) if package else None
    if bound is None and named.project and named.application:
        return named.project, named.application
    if bound is None and package:
        raise NotFound(
            "package_unbound",
            f"{package} belongs to no application.",
            remedy="Bind the package to an application, or name project and application in customData.hallmark.",
        )
    if bound is None:
        raise NotFound(
            "incident_unassigned",
            "The incident belongs to no application.",
            remedy="Name project and application in customData.hallmark.",
        )
    if (named.project or bound[0], named.application or bound[1]) != bound:
        raise Invalid(
            "event_contradicts_binding",
            f"The event names another application than {bound[0]}/{bound[1]}, to which its package belongs.",
            remedy="Leave the names out, or bind the package elsewhere.",
        )
    return bound
