"""Trains: versions of several applications that move as one unit, all of them or none."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.message import Answer, Command, Query
from contracts.promotion.v1.views import PromotionView
from contracts.vocabulary import ApplicationName, Document, ProjectName, PromotionKind, StageName, Text, VersionName


class TrainMember(Document):
    """One version that goes along."""

    application: ApplicationName
    version: VersionName


class TrainView(Answer):
    """One train, with a promotion for each member."""

    train_id: str
    project: ProjectName
    promotions: tuple[PromotionView, ...]


class RequestTrain(Command):
    """Ask that versions of several applications move together.

    Each has a promotion and a verdict of its own. They move in one transaction when the last of them may; when one may
    not, none does. A train does not queue: while one of its stages is taken it is refused.
    """

    subject: ClassVar[str] = "hallmark.ask.promotion.train.request.v1"
    answer: ClassVar[type[Answer]] = TrainView
    project: ProjectName
    members: Annotated[tuple[TrainMember, ...], Field(min_length=2, max_length=50)]
    """Each application at most once."""
    kind: PromotionKind = PromotionKind.PROMOTE
    to_stage: StageName | None = None
    """Where to, for all of them. Absent: the next stage of each."""
    reason: Text = ""
    patience_seconds: Annotated[int, Field(ge=1, le=30 * 86_400)] = 86_400


class ShowTrain(Query):
    """How does a train stand?"""

    subject: ClassVar[str] = "hallmark.ask.promotion.train.show.v1"
    answer: ClassVar[type[Answer]] = TrainView
    project: ProjectName
    train_id: str
