"""What monitoring can be asked to do."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from contracts.message import Answer, Command
from contracts.monitoring.v1.feeds import ImportId
from contracts.vocabulary import ApplicationName, Frozen, ProjectName, Text, VersionName


class RefusedAdvisory(Frozen):
    """One record that could not be read; the others of its batch were."""

    id: str
    where: str
    problem: str


class AdvisoriesImported(Answer):
    """What became of a batch of advisories."""

    added: int
    updated: int
    unchanged: int
    refused: tuple[RefusedAdvisory, ...] = ()
    releases_touched: int
    """Releases whose trust was looked at again because of this batch."""
    withdrawn: int = 0
    """How many of those added, updated and unchanged have been taken back by their database."""


class ImportAdvisories(Command):
    """Take over OSV records. Malformed ones are refused one by one."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.advisory.import.v1"
    answer: ClassVar[type[Answer]] = AdvisoriesImported
    advisories: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, max_length=500)]
    source: Annotated[str, Field(max_length=500)] = ""
    import_id: ImportId | None = None
    """The import that this batch belongs to (`advisory-import.begin`); None for one that nobody says is complete."""


class TrustRevoked(Answer):
    """A release is not to be relied on any more."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    changed: bool


class RevokeRelease(Command):
    """Take the trust from a release for good, with a reason."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.release.revoke.v1"
    answer: ClassVar[type[Answer]] = TrustRevoked
    project: ProjectName
    application: ApplicationName
    version: VersionName
    reason: Annotated[Text, Field(min_length=1)]
