"""Pipeline events into facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.registry.v1.deliveries import ChangeMerged, DeploymentRecorded, RunOutcome, ServiceChange, TestsFinished
from contracts.registry.v1.events import ArtifactPublished, IncidentOpened, IncidentResolved
from contracts.vocabulary import VersionName
from services.registry.domain.meanings import ArtifactBuilt, ServiceChanged, SourceMerged, TestsRan


@dataclass(frozen=True)
class About:
    """Which application an event is about, who said it, and when it happened."""

    project: str
    application: str
    by: str
    at: datetime

    @property
    def key(self) -> str:
        """`project/application`."""
        return f"{self.project}/{self.application}"


def artifact_published(about: About, built: ArtifactBuilt) -> ArtifactPublished:
    """The fact that an artifact was built."""
    return ArtifactPublished(**vars(about), artifact=built.artifact, source=built.source)


def incident_opened(about: About, incident_id: str, opened_at: datetime, version: VersionName | None) -> IncidentOpened:
    """The fact that something began to fail: what is known of it by now."""
    return IncidentOpened(**{**vars(about), "at": opened_at}, incident_id=incident_id, version=version)


def incident_resolved(about: About, incident_id: str) -> IncidentResolved:
    """The fact that it works again."""
    return IncidentResolved(**vars(about), incident_id=incident_id)


def deployment_recorded(
    about: About, changed: ServiceChanged, version: VersionName | None, *, current: bool
) -> DeploymentRecorded:
    """The fact that a service runs something else."""
    return DeploymentRecorded(
        **vars(about),
        environment=changed.environment,
        service=changed.service,
        change=ServiceChange(changed.change),
        purl=changed.purl,
        artifact_digest=changed.digest,
        version=version,
        current=current,
    )


def tests_finished(about: About, ran: TestsRan) -> TestsFinished:
    """The claim that tests ended."""
    return TestsFinished(
        **vars(about),
        run_id=ran.run_id,
        suite=ran.suite,
        outcome=RunOutcome(ran.outcome),
        environment=ran.environment,
        version=ran.version,
        artifact_digest=ran.digest,
    )


def change_merged(about: About, merged: SourceMerged) -> ChangeMerged:
    """The fact that a change was merged."""
    return ChangeMerged(**vars(about), **vars(merged))
