"""What each kind of pipeline event changes."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.registry.v1.deliveries import PackageBound
from contracts.registry.v1.intake import PipelineEvent
from contracts.vocabulary import VersionName
from services.registry import wire_events
from services.registry.domain.draft import Amendment, begun_with
from services.registry.domain.intake_rule import version_made_by
from services.registry.domain.meanings import (
    ArtifactBuilt,
    Concern,
    IncidentBegan,
    IncidentEnded,
    ServiceChanged,
    SourceMerged,
    TestsRan,
)
from services.registry.handlers.assigning import Belongs
from services.registry.handlers.drafts import keep_amended, keep_draft
from services.registry.storage.bindings import rule_of
from services.registry.storage.unit_of_work import RegistryWork
from services.registry.wire_events import About
from shared.digests import canonical_digest


@dataclass(frozen=True)
class Became:
    """What was announced because of an event, and the version that it made or extended."""

    facts: tuple[str, ...]
    version: VersionName | None = None


async def record(event: PipelineEvent, meaning: Concern, belongs: Belongs, work: RegistryWork) -> Became:
    """Keep and announce what an event says about the application it belongs to."""
    by, at = work.unit.caller.actor.subject, event.context.timestamp
    about = About(belongs.project, belongs.application, by, at)
    before = len(work.unit.outbox)
    version = None
    match meaning:
        case ArtifactBuilt():
            version = await _artifact(meaning, about, belongs, work)
        case IncidentBegan():
            await _incident(event, meaning, about, work)
        case IncidentEnded():
            await _ended(event, meaning, about, work)
        case ServiceChanged():
            version = await _service(event, meaning, about, work)
        case TestsRan():
            work.unit.announce(wire_events.tests_finished(about, meaning))
        case SourceMerged():
            work.unit.announce(wire_events.change_merged(about, meaning))
    return Became(tuple(_fact(one.subject) for one in work.unit.outbox[before:]), version)


async def _artifact(built: ArtifactBuilt, about: About, belongs: Belongs, work: RegistryWork) -> VersionName | None:
    if belongs.package == "to_bind":
        await work.bindings.bind(built.package, about.key)
        work.unit.announce(PackageBound(**vars(about), package=built.package))
    work.unit.announce(wire_events.artifact_published(about, built))
    if belongs.package == "unbound":
        return None
    application = await work.catalogue.application(about.project, about.application)
    name = version_made_by(rule_of(application), built)
    if name is None:
        return None
    said = Amendment((built.artifact,), source=built.source)
    known = await work.versions.known(about.project, about.application, name)
    if known:
        await keep_amended(known, said, work)
    else:
        await keep_draft(begun_with(about.project, about.application, name, said, by=about.by, at=work.unit.now), work)
    return name


async def _incident(event: PipelineEvent, began: IncidentBegan, about: About, work: RegistryWork) -> None:
    known = await work.deliveries.began(
        about.key, event.context.source, began.incident_id, version=began.version, at=about.at
    )
    if known:
        work.unit.announce(wire_events.incident_opened(about, began.incident_id, known.opened_at, known.version))


async def _ended(event: PipelineEvent, ended: IncidentEnded, about: About, work: RegistryWork) -> None:
    if await work.deliveries.ended(about.key, event.context.source, ended.incident_id, at=about.at):
        work.unit.announce(wire_events.incident_resolved(about, ended.incident_id))


async def _service(
    event: PipelineEvent, changed: ServiceChanged, about: About, work: RegistryWork
) -> VersionName | None:
    said = {
        "environment": changed.environment,
        "service": changed.service,
        "change": changed.change,
        "purl": changed.purl,
        "digest": changed.digest,
        "version": changed.version,
        "by": about.by,
    }
    identity = canonical_digest([event.context.source, event.context.id])
    current = await work.deliveries.deployed(about.key, said, at=about.at, event=identity)
    version = changed.version
    if version is None and changed.digest:
        version = await work.versions.holding(about.project, about.application, changed.digest)
    work.unit.announce(wire_events.deployment_recorded(about, changed, version, current=current))
    return version


def _fact(subject: str) -> str:
    """The noun and the verb of a fact's subject."""
    return ".".join(subject.split(".")[3:5])
