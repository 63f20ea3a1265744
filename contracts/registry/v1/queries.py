"""What the registry can be asked."""

from __future__ import annotations

from typing import ClassVar

from contracts.message import Answer, PageLimit, Query
from contracts.registry.v1.views import (
    ApplicationPage,
    ApplicationView,
    ProjectPage,
    ProjectView,
    VersionPage,
    VersionView,
)
from contracts.vocabulary import ApplicationName, ProjectName, VersionName


class ListProjects(Query):
    """Which projects may the caller see?"""

    subject: ClassVar[str] = "hallmark.ask.registry.project.list.v1"
    answer: ClassVar[type[Answer]] = ProjectPage
    after: str | None = None
    limit: PageLimit = 100


class ShowProject(Query):
    """What is known of one project?"""

    subject: ClassVar[str] = "hallmark.ask.registry.project.show.v1"
    answer: ClassVar[type[Answer]] = ProjectView
    project: ProjectName


class ListApplications(Query):
    """Which applications does a project hold?"""

    subject: ClassVar[str] = "hallmark.ask.registry.application.list.v1"
    answer: ClassVar[type[Answer]] = ApplicationPage
    project: ProjectName
    after: str | None = None
    limit: PageLimit = 100


class ShowApplication(Query):
    """What is known of one application?"""

    subject: ClassVar[str] = "hallmark.ask.registry.application.show.v1"
    answer: ClassVar[type[Answer]] = ApplicationView
    project: ProjectName
    application: ApplicationName


class ListVersions(Query):
    """Which versions does an application have, newest first?"""

    subject: ClassVar[str] = "hallmark.ask.registry.version.list.v1"
    answer: ClassVar[type[Answer]] = VersionPage
    project: ProjectName
    application: ApplicationName
    after: str | None = None
    limit: PageLimit = 100


class ShowVersion(Query):
    """What is one version made of, and where does it stand?"""

    subject: ClassVar[str] = "hallmark.ask.registry.version.show.v1"
    answer: ClassVar[type[Answer]] = VersionView
    project: ProjectName
    application: ApplicationName
    version: VersionName
