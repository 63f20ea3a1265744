"""One project: its lifecycles, its applications, and what happens in it."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.answers import Applied
from contracts.monitoring.v1.surveys import LookUpTrust, SurveyTrust, TrustPage, TrustSurvey
from contracts.promotion.v1.surveys import PromotionSurvey, SurveyPromotions
from contracts.registry.v1.commands import ApplyApplication
from contracts.registry.v1.queries import ShowApplication, ShowProject
from contracts.registry.v1.surveys import ApplicationSurvey, SurveyApplications
from contracts.registry.v1.views import ApplicationView, ProjectView
from contracts.vocabulary import Criticality, Maturity, ProjectName, Role
from services.gateway.console import form_texts
from services.gateway.console import overview_views as views
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Form, Sent, Viewed
from shared.errors import Conflict, NotFound

router = APIRouter()
PAGE = 50
"""Applications that one page lists."""


@router.get("/projects/{project}")
async def show_project(
    request: Request, project: ProjectName, viewer: Viewed, after: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """One project."""
    shown, applications, promotions, trust = await asyncio.gather(
        viewer.ask(ShowProject(project=project), ProjectView),
        viewer.ask(SurveyApplications(project=project, after=after or None, limit=PAGE), ApplicationSurvey),
        viewer.ask(SurveyPromotions(project=project), PromotionSurvey),
        viewer.ask(SurveyTrust(project=project), TrustSurvey),
    )
    releases = views.releases_of(applications.applications)
    known = await viewer.ask(LookUpTrust(releases=releases), TrustPage) if releases else TrustPage(releases=())
    return page(
        request,
        "projects/show.html",
        viewer,
        project=project,
        live=f"project={project}",
        shown=shown,
        bars=views.bars(applications.counts, trust.counts),
        rows=views.rows(applications.applications, known.releases),
        next=applications.next,
        promotions=promotions,
        trust=trust,
        may_manage=viewer.may(project, Role.RELEASE_MANAGER),
        may_admin=viewer.may(project, Role.ADMIN),
        blank=form_texts.Context(lifecycle=shown.lifecycles[0].lifecycle if shown.lifecycles else "default"),
        choices=form_texts.choices_of(shown.lifecycles),
    )


@router.post("/projects/{project}/applications")
async def create_application(project: ProjectName, form: Sent) -> Response:
    """Create an application; one that is there already is not changed by mistake."""
    name = form.needed("application", "The name")
    try:
        await form.viewer.ask(ShowApplication(project=project, application=name), ApplicationView)
    except NotFound:
        await form.send(ApplyApplication, Applied, project=project, application=name, **context_in(form))
    else:
        raise Conflict(
            "application_exists", f"There is an application {name} in {project} already.", remedy="Choose another name."
        )
    return RedirectResponse(f"/projects/{project}/applications/{name}", 303)


def context_in(form: Form) -> dict[str, object]:
    """The business context that a form holds."""
    return {
        "title": form.text("title"),
        "criticality": form.text("criticality") or Criticality.UNSPECIFIED,
        "maturity": form.text("maturity") or Maturity.UNSPECIFIED,
        "owners": form_texts.lines(form.text("owners")),
        "labels": form_texts.pairs(form.text("labels")),
        "lifecycle": form.text("lifecycle") or "default",
        "packages": form_texts.lines(form.text("packages")),
    }
