"""What the promotion service can be asked."""

from __future__ import annotations

from typing import ClassVar

from contracts.message import Answer, PageLimit, Query
from contracts.promotion.v1.views import ApprovalPage, PromotionPage, PromotionView, Readiness
from contracts.vocabulary import (
    ApplicationName,
    ProjectName,
    PromotionKind,
    PromotionState,
    StageName,
    Utc,
    VersionName,
)


class ShowPromotion(Query):
    """Where does one promotion stand, and why?"""

    subject: ClassVar[str] = "hallmark.ask.promotion.promotion.show.v1"
    answer: ClassVar[type[Answer]] = PromotionView
    project: ProjectName
    promotion_id: str


class ListPromotions(Query):
    """Which promotions were there, newest first?"""

    subject: ClassVar[str] = "hallmark.ask.promotion.promotion.list.v1"
    answer: ClassVar[type[Answer]] = PromotionPage
    project: ProjectName
    application: ApplicationName | None = None
    version: VersionName | None = None
    state: PromotionState | None = None
    stage: StageName | None = None
    """The one they go to."""
    kind: PromotionKind | None = None
    since: Utc | None = None
    """Requested then or later."""
    after: str | None = None
    limit: PageLimit = 50


class ListApprovals(Query):
    """Which promotions, of all projects in which the caller may answer, wait for answers of others than who asked?"""

    subject: ClassVar[str] = "hallmark.ask.promotion.approval.list.v1"
    answer: ClassVar[type[Answer]] = ApprovalPage
    after: str | None = None
    limit: PageLimit = 50


class ShowReadiness(Query):
    """What is missing for the next stage, or for another move that somebody thinks of?"""

    subject: ClassVar[str] = "hallmark.ask.promotion.readiness.show.v1"
    answer: ClassVar[type[Answer]] = Readiness
    project: ProjectName
    application: ApplicationName
    version: VersionName
    kind: PromotionKind = PromotionKind.PROMOTE
    to_stage: StageName | None = None
    """As in `RequestPromotion`. Absent: the next stage; of several, the first."""
