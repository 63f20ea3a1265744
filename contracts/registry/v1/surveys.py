"""What there is in all projects at once: for whoever looks at everything they may see."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from contracts.message import Answer, Query
from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    Frozen,
    Maturity,
    ProjectName,
    StageName,
    VersionName,
)

Sought = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")]
"""A part of an application's name."""
OwnerName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class StageStanding(Frozen):
    """Which version is current in a stage; None when none is."""

    stage: StageName
    version: VersionName | None
    release: bool


class SurveyedApplication(Frozen):
    """One line about an application."""

    project: ProjectName
    application: ApplicationName
    title: str
    criticality: Criticality
    maturity: Maturity
    owners: tuple[str, ...]
    stages: tuple[StageStanding, ...]
    """In the order of its lifecycle."""


class ApplicationSurvey(Answer):
    """Applications by project and name, and how many there are of each criticality."""

    applications: tuple[SurveyedApplication, ...]
    counts: dict[Criticality, int]
    """Of all that were asked for, not of this page alone. Left out: there are none."""
    next: str | None = None
    """Pass as `after` to read on; None at the end."""


class SurveyApplications(Query):
    """Which applications are there in the projects that the caller may see?"""

    subject: ClassVar[str] = "hallmark.ask.registry.application.survey.v1"
    answer: ClassVar[type[Answer]] = ApplicationSurvey
    project: ProjectName | None = None
    criticality: Criticality | None = None
    owner: OwnerName | None = None
    name: Sought | None = None
    """Only those in whose names this occurs."""
    after: Annotated[str, StringConstraints(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
