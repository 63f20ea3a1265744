"""What could not be decided about the components of a release."""

from __future__ import annotations

from typing import ClassVar

from contracts.message import Answer, PageLimit, Query
from contracts.vocabulary import ApplicationName, Doubt, Frozen, ProjectName, Purl, VersionName


class UndecidedComponent(Frozen):
    """One advisory is about a component, and nobody can say whether it applies."""

    component: Purl
    advisory: str
    doubt: Doubt


class UndecidedPage(Answer):
    """Components about which advisories could not be decided, by component and advisory."""

    undecided: tuple[UndecidedComponent, ...]
    total: int
    """How many there are; of each release the first 500 can be listed."""
    next: str | None = None


class ListUndecided(Query):
    """Which components of a release could not be decided, and why?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.undecided.list.v1"
    answer: ClassVar[type[Answer]] = UndecidedPage
    project: ProjectName
    application: ApplicationName
    version: VersionName
    after: str | None = None
    limit: PageLimit = 50
