"""What runs, and where it differs from what should, between the contracts and the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from contracts.evidence.v1.events import EvidenceAdded, EvidenceRejudged
from contracts.facts import DeploymentFacts, Standing
from contracts.monitoring.v1 import running as said
from contracts.registry.v1.deliveries import DeploymentRecorded, ServiceChange
from contracts.vocabulary import Criticality, Trust
from services.monitoring.domain.drift import Drift, Fact, Situation, Source
from services.monitoring.domain.release import Context
from shared.digests import canonical_digest

E = TypeVar("E", said.DriftFound, said.DriftGone)
_ID_LENGTH = 24


def told_by_tool(event: DeploymentRecorded) -> Fact:
    """What a deployment tool said."""
    return Fact(
        project=event.project,
        application=event.application,
        environment=event.environment,
        service=event.service,
        removed=event.change is ServiceChange.REMOVED,
        version=event.version,
        digests=(event.artifact_digest,) if event.artifact_digest else (),
        purl=event.purl,
        stage=None,
        source=Source.CDEVENTS,
        by=event.by,
        evidence_id=None,
        at=event.at,
    )


def told_by_evidence(event: EvidenceAdded | EvidenceRejudged) -> Fact | None:
    """What believed evidence of a deployment says; None for any other evidence, and for evidence nobody believes."""
    item = event.item
    if item.standing is not Standing.VERIFIED or not isinstance(item.facts, DeploymentFacts):
        return None
    return Fact(
        project=event.project,
        application=event.application or "",
        environment=item.facts.environment,
        service="",
        removed=False,
        version=None,
        digests=tuple(sorted(item.subjects)),
        purl=None,
        stage=item.facts.stage,
        source=Source.EVIDENCE,
        by=item.facts.by or item.submitted_by,
        evidence_id=item.evidence_id,
        at=item.facts.deployed_at,
    )


def of_application(fact: Fact, application: str) -> Fact:
    """The same fact about an application."""
    return replace(fact, application=application)


def running_service(fact: Fact, version: str | None, stage: str | None) -> said.RunningService:
    """What a service runs, and the stage that its environment stands for, as far as they are known."""
    return said.RunningService(
        environment=fact.environment,
        service=fact.service,
        version=version,
        digest=next(iter(fact.digests), None),
        purl=fact.purl,
        stage=stage,
        source=fact.source.value,
        by=fact.by,
        evidence_id=fact.evidence_id,
        at=fact.at,
    )


def running_application(fact: Fact, situation: Situation) -> said.RunningApplication:
    """The same, with the trust in what runs."""
    service = running_service(fact, situation.version_of(fact), situation.stage_of(fact))
    release = situation.releases.get(service.version or "")
    trust = release.trust if release else Trust.NONE
    return said.RunningApplication(project=fact.project, application=fact.application, running=service, trust=trust)


def drift_view(
    project: str, application: str, drift: Drift, since: datetime, context: Context | None
) -> said.DriftView:
    """One difference as it is told."""
    return said.DriftView(
        drift_id="dr-" + canonical_digest([project, application, drift.key]).removeprefix("sha256:")[:_ID_LENGTH],
        project=project,
        application=application,
        kind=said.DriftKind(drift.kind.value),
        environment=drift.environment,
        service=drift.service,
        version=drift.version,
        expected=drift.expected,
        stage=drift.stage,
        because=drift.because,
        criticality=context.criticality if context else Criticality.UNSPECIFIED,
        owners=context.owners if context else (),
        since=since,
    )


def event(kind: type[E], view: said.DriftView, at: datetime) -> E:
    """That a difference began, or ended."""
    return kind(project=view.project, application=view.application, drift=view, at=at)
