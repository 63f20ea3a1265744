"""One application: its business context, its stage board, and its versions."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.answers import Applied
from contracts.monitoring.v1.surveys import LookUpTrust, ReleaseName, TrustLine, TrustPage
from contracts.promotion.v1.surveys import PromotionSurvey, SurveyPromotions
from contracts.registry.v1.commands import ApplyApplication, CreateVersion
from contracts.registry.v1.queries import ListVersions, ShowApplication, ShowProject
from contracts.registry.v1.views import ApplicationView, ProjectView, VersionPage, VersionView
from contracts.vocabulary import ApplicationName, ProjectName, Role, VersionName
from services.gateway.console import board_views, form_texts, move_views
from services.gateway.console.pages.projects import context_in
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Form, Sent, Viewed, Viewer

router = APIRouter()
ON_BOARD = 50
"""The newest versions, of which the board knows more than the names."""
LISTED = 25
_APPLICATION = "/projects/{project}/applications/{application}"


@router.get(_APPLICATION)
async def show_application(
    request: Request,
    project: ProjectName,
    application: ApplicationName,
    viewer: Viewed,
    after: Annotated[str, Query(max_length=128)] = "",
) -> Response:
    """One application with its stage board."""
    named = {"project": project, "application": application}
    shown, whole, newest, listed, promotions = await asyncio.gather(
        viewer.ask(ShowApplication(**named), ApplicationView),
        viewer.ask(ShowProject(project=project), ProjectView),
        viewer.ask(ListVersions(**named, limit=ON_BOARD), VersionPage),
        viewer.ask(ListVersions(**named, after=after or None, limit=LISTED), VersionPage),
        viewer.ask(SurveyPromotions(**named, most=50), PromotionSurvey),
    )
    trust = await _trust(viewer, shown, newest, listed)
    stages, rights = move_views.stages_of(shown, whole.lifecycles), rights_of(viewer, project)
    scene = board_views.Scene(shown, stages, newest.versions, promotions.open, trust, rights)
    return page(
        request,
        "applications/show.html",
        viewer,
        project=project,
        live=f"project={project}&application={application}",
        shown=shown,
        board=board_views.board_of(scene),
        trust=trust,
        versions=listed,
        promotions=promotions,
        context=form_texts.context_of(shown),
        choices=form_texts.choices_of(whole.lifecycles),
        may_manage=rights.manage,
        may_contribute=rights.promote,
    )


@router.post(_APPLICATION)
async def change_application(project: ProjectName, application: ApplicationName, form: Sent) -> Response:
    """Change the business context. What the form does not show is kept."""
    named = {"project": project, "application": application}
    before = await form.viewer.ask(ShowApplication(**named), ApplicationView)
    await form.send(ApplyApplication, Applied, **named, **context_in(form), intake=before.intake)
    return RedirectResponse(f"/projects/{project}/applications/{application}", 303)


@router.post(f"{_APPLICATION}/versions")
async def create_version(project: ProjectName, application: ApplicationName, form: Sent) -> Response:
    """Register a version, or begin a draft."""
    made = await register(form, project, application)
    return RedirectResponse(f"/projects/{project}/applications/{application}/versions/{made.version}", 303)


async def register(form: Form, project: ProjectName, application: ApplicationName) -> VersionView:
    """The version that a form describes. Raises what the registry says."""
    repository, commit = form.text("repository"), form.text("commit")
    return await form.send(
        CreateVersion,
        VersionView,
        project=project,
        application=application,
        version=form.needed("version", "The version"),
        artifacts=form_texts.artifacts(form.needed("artifacts", "What it is made of")),
        source={"repository": repository, "commit": commit} if repository or commit else None,
        draft=bool(form.text("draft")),
    )


def rights_of(viewer: Viewer, project: ProjectName) -> move_views.Rights:
    """What the viewer may ask for."""
    return move_views.Rights(
        kind=viewer.caller.actor.kind,
        promote=viewer.may(project, Role.RELEASE_MANAGER, Role.CONTRIBUTOR),
        manage=viewer.may(project, Role.RELEASE_MANAGER),
    )


async def _trust(viewer: Viewer, shown: ApplicationView, *pages: VersionPage) -> dict[VersionName, TrustLine]:
    named = {one.version for page in pages for one in page.versions if one.stage}
    named |= {one.version for one in shown.board if one.version}
    if not named:
        return {}
    releases = tuple(
        ReleaseName(project=shown.project, application=shown.application, version=version) for version in sorted(named)
    )
    found = await viewer.ask(LookUpTrust(releases=releases), TrustPage)
    return {one.version: one for one in found.releases}
