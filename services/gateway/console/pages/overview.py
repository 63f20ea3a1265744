"""The first page: what can be relied on, what is stopped, what is due and was released, in all that one may see."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.monitoring.v1.surveys import LookUpTrust, SurveyTrust, TrustPage, TrustSurvey
from contracts.promotion.v1.surveys import PromotionSurvey, SurveyPromotions
from contracts.registry.v1.queries import ListProjects
from contracts.registry.v1.surveys import ApplicationSurvey, SurveyApplications
from contracts.registry.v1.views import ProjectPage
from services.gateway.console import overview_views as views
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed

router = APIRouter()
PAGE = 25
"""Applications that one page lists."""
Word = Annotated[str, Query(max_length=200)]


@router.get("/")
async def show_overview(
    *,
    request: Request,
    viewer: Viewed,
    project: Word = "",
    criticality: Word = "",
    owner: Word = "",
    name: Word = "",
    after: Word = "",
) -> Response:
    """Everything that the viewer may see, or a part of it."""
    filters = views.Filters(project.strip(), criticality, owner.strip(), name.strip().lower())
    listed = SurveyApplications.model_validate({**filters.given, "after": after or None, "limit": PAGE})
    projects, applications, promotions, trust = await asyncio.gather(
        viewer.ask(ListProjects(), ProjectPage),
        viewer.ask(listed, ApplicationSurvey),
        viewer.ask(SurveyPromotions.model_validate(filters.given), PromotionSurvey),
        viewer.ask(SurveyTrust.model_validate(filters.given), TrustSurvey),
    )
    if not projects.projects and not filters.given:
        return RedirectResponse("/start", 303)
    shown = views.releases_of(applications.applications)
    known = await viewer.ask(LookUpTrust(releases=shown), TrustPage) if shown else TrustPage(releases=())
    return page(
        request,
        "overview/show.html",
        viewer,
        live="",
        projects=projects,
        filters=filters,
        criticalities=views.CRITICALITIES,
        bars=views.bars(applications.counts, trust.counts),
        rows=views.rows(applications.applications, known.releases),
        next=applications.next,
        promotions=promotions,
        trust=trust,
    )
