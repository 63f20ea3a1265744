"""What the promotion service can be asked to do."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.message import Answer, Command
from contracts.promotion.v1.views import PromotionView
from contracts.vocabulary import ApplicationName, Digest, ProjectName, PromotionKind, StageName, Text, VersionName


class RequestPromotion(Command):
    """Ask that a version moves on, is released, or is brought back.

    `promote` goes to the next stage, `release` to a release stage when that is the next one. `rollback` makes an
    earlier good version of `to_stage` current there again, `demote` takes a version back to an earlier stage that it
    has been in; both need a reason. `recertify` has a version judged anew where it stands.
    """

    subject: ClassVar[str] = "hallmark.ask.promotion.promotion.request.v1"
    answer: ClassVar[type[Answer]] = PromotionView
    project: ProjectName
    application: ApplicationName
    version: VersionName
    kind: PromotionKind = PromotionKind.PROMOTE
    to_stage: StageName | None = None
    """Where to. Absent: the next stage, for a rollback the release stage, for a demotion the stage before, for a
    re-certification where it stands. Has to be named where several release stages are meant."""
    reason: Text = ""
    patience_seconds: Annotated[int, Field(ge=1, le=30 * 86_400)] = 86_400
    """How long to wait for evidence and approvals before the promotion expires."""


class CancelPromotion(Command):
    """Stop a promotion that has not been decided yet."""

    subject: ClassVar[str] = "hallmark.ask.promotion.promotion.cancel.v1"
    answer: ClassVar[type[Answer]] = PromotionView
    project: ProjectName
    promotion_id: str
    reason: Text = ""


class DecideApproval(Command):
    """Answer for a version, or refuse to: bound to exactly the evidence that the last verdict saw."""

    subject: ClassVar[str] = "hallmark.ask.promotion.approval.decide.v1"
    answer: ClassVar[type[Answer]] = PromotionView
    project: ProjectName
    promotion_id: str
    decision: Literal["approved", "rejected"]
    reason: Text = ""
    evidence_set: Annotated[Digest | None, Field(exclude_if=lambda value: value is None)] = None
    """What whoever answers has seen: refused once the last verdict saw another one. Absent: whatever it saw."""
