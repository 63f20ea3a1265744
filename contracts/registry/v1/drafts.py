"""Drafts: versions whose content may still grow.

- A draft has the digest of its present content, takes further content, and cannot move.
- Sealing fixes content and digest for ever. Only then is the version announced as created, with what it is made of:
  whoever judges a version never hears of content that may still change.
- There is no way back: a sealed version takes nothing more.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.message import Answer, Command, Event
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import (
    ApplicationName,
    Artifact,
    Digest,
    ProjectName,
    SourceCommit,
    Utc,
    VersionName,
)


class AmendVersion(Command):
    """Add to what a draft is made of, or take out of it. What is there already, or is gone already, changes nothing."""

    subject: ClassVar[str] = "hallmark.ask.registry.version.amend.v1"
    answer: ClassVar[type[Answer]] = VersionView
    project: ProjectName
    application: ApplicationName
    version: VersionName
    artifacts: Annotated[tuple[Artifact, ...], Field(max_length=1000)] = ()
    nested: Annotated[tuple[Digest, ...], Field(max_length=1000)] = ()
    """Digests of sealed versions of other applications that this one contains, too."""
    remove: Annotated[tuple[Digest, ...], Field(max_length=1000)] = ()
    """Digests of artifacts and nested versions that are no longer part of it; taken out before others are added."""
    source: SourceCommit | None = None
    """The commit it is built from; takes the place of whatever was said before."""


class SealVersion(Command):
    """Fix the content and the digest of a draft for ever. A sealed version is answered as it is, and stays so."""

    subject: ClassVar[str] = "hallmark.ask.registry.version.seal.v1"
    answer: ClassVar[type[Answer]] = VersionView
    project: ProjectName
    application: ApplicationName
    version: VersionName
    digest: Digest | None = None
    """Seals this very content: when the version has another digest by now, it is refused."""


class VersionDrafted(Event):
    """A draft was begun, or its content changed. Nothing may be decided on what it says: it may change again."""

    subject: ClassVar[str] = "hallmark.evt.registry.version.drafted.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    """Of its present content."""
    artifacts: tuple[Artifact, ...]
    nested: tuple[Digest, ...]
    by: str
    at: Utc


class VersionSealed(Event):
    """A draft became an immutable version. `VersionCreated` follows and says what it is made of."""

    subject: ClassVar[str] = "hallmark.evt.registry.version.sealed.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    """Final."""
    drafted_at: Utc
    drafted_by: str
    contributors: tuple[str, ...]
    """Everybody who had a hand in its content, sorted."""
    by: str
    """Who sealed it."""
    at: Utc
