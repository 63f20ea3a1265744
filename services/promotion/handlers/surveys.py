"""What the promotion service is asked about all projects at once."""

from __future__ import annotations

import asyncio

from contracts.promotion.v1.surveys import PromotionLine, PromotionSurvey, SurveyPromotions
from services.promotion.domain.promotion import Promotion
from services.promotion.handlers import HANDLERS
from services.promotion.storage.surveys import Surveys
from services.promotion.storage.unit_of_work import PromotionWork
from shared.errors import Invalid


@HANDLERS.query(SurveyPromotions)
async def survey_promotions(query: SurveyPromotions, work: PromotionWork) -> PromotionSurvey:
    """What is on its way, was stopped and was released."""
    surveys = Surveys(work.unit, query, _seen(query, work))
    under_way, count, stopped, released = await asyncio.gather(
        surveys.open(), surveys.count_open(), surveys.stopped(work.unit.now), surveys.released(work.unit.now)
    )
    return PromotionSurvey(
        open=tuple(map(line_of, under_way)),
        open_count=count,
        stopped=tuple(map(line_of, stopped)),
        released=tuple(map(line_of, released)),
    )


def _seen(query: SurveyPromotions, work: PromotionWork) -> frozenset[str] | None:
    if query.application is None:
        return work.unit.caller.seen_projects(query.project)
    if query.project is None:
        raise Invalid(
            "project_missing", f"{query.application} is named without its project.", remedy="Name the project, too."
        )
    work.unit.caller.require_member(query.project, query.application)
    return frozenset({query.project})


def line_of(promotion: Promotion) -> PromotionLine:
    """A promotion as one line: the first rule that stops it says why, else what happened last."""
    last = promotion.history[-1].because if promotion.history else ""
    stopping = promotion.verdict.open_findings if promotion.verdict else ()
    first = stopping[0] if stopping and promotion.verdict else None
    return PromotionLine(
        promotion_id=promotion.promotion_id,
        project=promotion.project,
        application=promotion.application,
        version=promotion.version,
        kind=promotion.kind,
        from_stage=promotion.route.from_stage,
        to_stage=promotion.route.to_stage,
        release=promotion.route.release,
        state=promotion.state,
        because=f"{first.title}: {first.observed}" if first else last,
        remedy=first.remedy if first else "",
        requested_by=promotion.requested_by,
        requested_at=promotion.requested_at,
        deadline=promotion.deadline,
        stepped_at=promotion.stepped_at,
    )
