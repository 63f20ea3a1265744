"""What runs where, as deployment tools and signed evidence said, and where that is not what it should be."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.message import Answer, Event, PageLimit, Query
from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    Digest,
    Frozen,
    ProjectName,
    Purl,
    StageName,
    Trust,
    Utc,
    VersionName,
)


class RunningService(Frozen):
    """What one service runs in one environment, as far as is known."""

    environment: str
    service: str
    """Empty where signed evidence said it: a deployment predicate names no service."""
    version: VersionName | None
    """Named by the source, or the version that the digest belongs to; None while no such version is registered."""
    digest: Digest | None
    """The digest that the source named, of an artifact or of a version."""
    purl: Purl | None = None
    stage: StageName | None = None
    """The stage that the environment stands for: said by the evidence, or the stage of the same name."""
    source: Literal["cdevents", "evidence"]
    by: str
    """Who said so."""
    evidence_id: str | None = None
    at: Utc
    """When it began to run, as the source said."""


class RunningApplication(Frozen):
    """One service of one application, with what is known of the version it runs."""

    project: ProjectName
    application: ApplicationName
    running: RunningService
    trust: Trust
    """`none` for what is no trusted release, or is not known."""


class RunningPage(Answer):
    """What runs, by application, environment and service."""

    services: tuple[RunningApplication, ...]
    next: str | None = None


class ListRunning(Query):
    """What of a project runs where?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.running.list.v1"
    answer: ClassVar[type[Answer]] = RunningPage
    project: ProjectName
    application: ApplicationName | None = None
    after: Annotated[str, Field(max_length=1000)] | None = None
    limit: PageLimit = 50


class DriftKind(StrEnum):
    """How what runs differs from what should."""

    UNKNOWN = "unknown"
    """It runs something of which no version is registered."""
    REVOKED = "revoked"
    """It runs a release whose trust was taken away."""
    UNTRUSTED = "untrusted"
    """It runs a version that is no trusted release, where only those should run."""
    OUTDATED = "outdated"
    """It runs another version than the one that stands in the stage."""
    UNDEPLOYED = "undeployed"
    """A trusted release stands in its stage, and no source has ever said that it runs anywhere."""


class DriftView(Frozen):
    """One difference between what runs and what should."""

    drift_id: str
    project: ProjectName
    application: ApplicationName
    kind: DriftKind
    environment: str
    """Empty for what runs nowhere."""
    service: str
    version: str
    """The version that is the matter; for an unknown one what the source named: a version, else a digest."""
    expected: VersionName | None = None
    """The version that stands in the stage, where another one runs."""
    stage: StageName | None = None
    because: str
    """In one sentence."""
    criticality: Criticality
    owners: tuple[str, ...]
    since: Utc
    """When monitoring found it."""


class DriftPage(Answer):
    """Differences that are there now, by application, kind and place."""

    drifts: tuple[DriftView, ...]
    next: str | None = None


class ListDrift(Query):
    """Where does not run what should?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.drift.list.v1"
    answer: ClassVar[type[Answer]] = DriftPage
    project: ProjectName
    application: ApplicationName | None = None
    after: Annotated[str, Field(max_length=1000)] | None = None
    limit: PageLimit = 50


class _DriftEvent(Event):
    project: ProjectName
    application: ApplicationName
    drift: DriftView
    at: Utc


class DriftFound(_DriftEvent):
    """What runs began to differ from what should: said once per kind, environment, service and version."""

    subject: ClassVar[str] = "hallmark.evt.monitoring.drift.found.v1"


class DriftGone(_DriftEvent):
    """A difference that was found is there no more."""

    subject: ClassVar[str] = "hallmark.evt.monitoring.drift.gone.v1"
