"""How much can be relied on in all projects at once: for whoever looks at everything they may see."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.message import Answer, Query
from contracts.registry.v1.surveys import OwnerName, Sought
from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    Frozen,
    ProjectName,
    StageName,
    Trust,
    Utc,
    VersionName,
)


class TrustLine(Frozen):
    """One line about the trust in a release."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    stage: StageName
    current: bool
    trust: Trust
    since: Utc
    criticality: Criticality
    owners: tuple[str, ...]
    deadline: Utc | None = None
    cause: str = ""
    """The most urgent one: the id of the flaw and its component."""
    cause_count: int = 0


class TrustCount(Frozen):
    """How many applications of one criticality have current releases of which the worst is in this state."""

    criticality: Criticality
    trust: Trust
    applications: int


class TrustSurvey(Answer):
    """The trust in what is current, and what has to be dealt with first."""

    counts: tuple[TrustCount, ...]
    due: tuple[TrustLine, ...]
    """Current releases at risk, the nearest deadline first."""
    due_count: int
    """How many there are; counted up to 1,000."""


class SurveyTrust(Query):
    """How far can what is current be relied on, in the projects that the caller may see?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.trust.survey.v1"
    answer: ClassVar[type[Answer]] = TrustSurvey
    project: ProjectName | None = None
    criticality: Criticality | None = None
    owner: OwnerName | None = None
    name: Sought | None = None
    """Only applications in whose names this occurs."""
    most: Annotated[int, Field(ge=1, le=50)] = 10


class ReleaseName(Frozen):
    """A version that may be a release."""

    project: ProjectName
    application: ApplicationName
    version: VersionName


class TrustPage(Answer):
    """Those that are releases under watch and may be seen, by name."""

    releases: tuple[TrustLine, ...]


class LookUpTrust(Query):
    """May these releases be relied on? Versions that are none are left out of the answer."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.trust.look-up.v1"
    answer: ClassVar[type[Answer]] = TrustPage
    releases: Annotated[tuple[ReleaseName, ...], Field(max_length=500)]
