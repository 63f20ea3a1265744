"""What is on its way, was stopped and was released in all projects at once."""

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
    PromotionKind,
    PromotionState,
    StageName,
    Utc,
    VersionName,
)


class PromotionLine(Frozen):
    """One line about a promotion."""

    promotion_id: str
    project: ProjectName
    application: ApplicationName
    version: VersionName
    kind: PromotionKind
    from_stage: StageName | None
    to_stage: StageName
    release: bool
    state: PromotionState
    because: str
    """Why it stands there: the rule that stops it, or what happened last."""
    remedy: str = ""
    """What to do about that rule."""
    requested_by: str
    requested_at: Utc
    deadline: Utc
    stepped_at: Utc
    """When it came to stand there."""


class PromotionSurvey(Answer):
    """Promotions that somebody may have to do something about, and what came of others."""

    open: tuple[PromotionLine, ...]
    """On their way: those that wait for an approval first, then the oldest first."""
    open_count: int
    """How many there are; counted up to 1,000."""
    stopped: tuple[PromotionLine, ...]
    """Denied, expired or failed in the last 14 days, newest first; without those whose version came there later."""
    released: tuple[PromotionLine, ...]
    """Releases, and returns to one, newest first."""


class SurveyPromotions(Query):
    """What is on its way, was stopped and was released, in the projects that the caller may see?"""

    subject: ClassVar[str] = "hallmark.ask.promotion.promotion.survey.v1"
    answer: ClassVar[type[Answer]] = PromotionSurvey
    project: ProjectName | None = None
    application: ApplicationName | None = None
    """Only with its project."""
    criticality: Criticality | None = None
    """Of the application when the promotion was requested, as `owner`."""
    owner: OwnerName | None = None
    name: Sought | None = None
    """Only of applications in whose names this occurs. With one of these three, only releases of the last 14 days."""
    most: Annotated[int, Field(ge=1, le=50)] = 10
    """Of each list."""
