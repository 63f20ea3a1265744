"""What outside tools say has happened to what was built: facts about deliveries, none of which is evidence.

Whoever may contribute to a project may say these things, unsigned. They feed views and measures, never a gate.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from contracts.message import Answer, Event, PageLimit, Query
from contracts.vocabulary import ApplicationName, Digest, Frozen, ProjectName, Purl, Utc, VersionName


class ServiceChange(StrEnum):
    """What happened to a service in an environment."""

    DEPLOYED = "deployed"
    UPGRADED = "upgraded"
    ROLLED_BACK = "rolledback"
    REMOVED = "removed"


class RunOutcome(StrEnum):
    """How a run of tests ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCEL = "cancel"
    ERROR = "error"


class DeploymentRecorded(Event):
    """A service in an environment began to run an artifact, or none any more, as a deployment tool said."""

    subject: ClassVar[str] = "hallmark.evt.registry.deployment.recorded.v1"
    project: ProjectName
    application: ApplicationName
    environment: str
    service: str
    change: ServiceChange
    purl: Purl | None
    """What runs now; None when nothing does, or nobody said what."""
    artifact_digest: Digest | None
    version: VersionName | None
    """Named by the tool, or the version that the artifact was known to belong to by then."""
    current: bool
    """Whether nothing later is known of this service there: False for news that came late."""
    by: str
    at: Utc


class TestsFinished(Event):
    """A run of tests ended, as a pipeline claims. It is no evidence: unsigned, it never counts at a gate."""

    __test__ = False  # pytest: this is no test
    subject: ClassVar[str] = "hallmark.evt.registry.tests.finished.v1"
    project: ProjectName
    application: ApplicationName
    run_id: str
    suite: str | None
    outcome: RunOutcome
    environment: str | None
    version: VersionName | None
    artifact_digest: Digest | None
    by: str
    at: Utc


class ChangeMerged(Event):
    """A change of the source was merged, as its host said: where a lead time begins."""

    subject: ClassVar[str] = "hallmark.evt.registry.change.merged.v1"
    project: ProjectName
    application: ApplicationName
    change_id: str
    repository: str
    commit: str | None
    """The commit on the branch that the change became, if it was said."""
    by: str
    at: Utc


class PackageBound(Event):
    """A package became part of an application by its intake rule, when its first build came."""

    subject: ClassVar[str] = "hallmark.evt.registry.package.bound.v1"
    project: ProjectName
    application: ApplicationName
    package: Purl
    """Without version."""
    by: str
    at: Utc


class DeploymentView(Frozen):
    """What one service runs in one environment, as far as is known."""

    environment: str
    service: str
    change: ServiceChange
    """The latest that happened to it."""
    purl: Purl | None
    artifact_digest: Digest | None
    version: VersionName | None
    """Named by the tool, or the version that the artifact belongs to."""
    by: str
    at: Utc


class DeploymentPage(Answer):
    """What runs where, by environment, then service."""

    deployments: tuple[DeploymentView, ...]
    next: str | None = None
    """Pass as `after` to read on; None at the end."""


class ListDeployments(Query):
    """What of an application runs in which environment, as deployment tools said?"""

    subject: ClassVar[str] = "hallmark.ask.registry.deployment.list.v1"
    answer: ClassVar[type[Answer]] = DeploymentPage
    project: ProjectName
    application: ApplicationName
    after: str | None = None
    limit: PageLimit = 100
