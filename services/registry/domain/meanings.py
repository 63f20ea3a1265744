"""What a pipeline event can mean here, as values."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.vocabulary import Artifact, Digest, SourceCommit, VersionName


@dataclass(frozen=True)
class ArtifactBuilt:
    """A build is out. The application is found by the package, or was named."""

    artifact: Artifact
    package: str
    """The purl without version, qualifiers and subpath: what packages are bound by."""
    source: SourceCommit | None
    version: VersionName | None = None
    """As the event names it."""
    published: bool = True
    """Whether others can get it by now: a build that is only packaged makes no version."""


@dataclass(frozen=True)
class IncidentBegan:
    """Something in production began to fail."""

    incident_id: str
    version: VersionName | None
    package: str | None = None


@dataclass(frozen=True)
class IncidentEnded:
    """It works again."""

    incident_id: str
    package: str | None = None


@dataclass(frozen=True)
class ServiceChanged:
    """A service in an environment runs something else, or nothing."""

    change: str
    """The predicate of the CDEvent: `deployed`, `upgraded`, `rolledback` or `removed`."""
    service: str
    environment: str
    purl: str | None
    package: str | None
    digest: Digest | None
    version: VersionName | None


@dataclass(frozen=True)
class TestsRan:
    """A run of tests ended, as somebody claims."""

    __test__ = False  # pytest: this is no test
    run_id: str
    suite: str | None
    outcome: str
    environment: str | None
    version: VersionName | None
    digest: Digest | None


@dataclass(frozen=True)
class SourceMerged:
    """A change of the source was merged."""

    change_id: str
    repository: str
    commit: str | None


@dataclass(frozen=True)
class NothingOfConcern:
    """A well-formed event about something Hallmark does not keep."""


Concern = ArtifactBuilt | IncidentBegan | IncidentEnded | ServiceChanged | TestsRan | SourceMerged
Meaning = Concern | NothingOfConcern


def package_in(meaning: Concern) -> str | None:
    """The package by which the application can be found, if it speaks of one."""
    match meaning:
        case ArtifactBuilt() | IncidentBegan() | IncidentEnded() | ServiceChanged():
            return meaning.package
        case TestsRan() | SourceMerged():
            return None
