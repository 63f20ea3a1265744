"""Moving a version: what would come of it is shown first; only then can it be asked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.promotion.v1.commands import RequestPromotion
from contracts.promotion.v1.queries import ShowReadiness
from contracts.promotion.v1.views import PromotionView, Readiness
from contracts.registry.v1.queries import ShowApplication
from contracts.registry.v1.views import ApplicationView
from contracts.vocabulary import ApplicationName, ProjectName, PromotionKind, StageName, VersionName
from services.gateway.console import forecast_views as views
from services.gateway.console.pages.applications import rights_of
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Sent, Viewed, Viewer
from shared.errors import Conflict

router = APIRouter()
_APPLICATION = "/projects/{project}/applications/{application}"


@router.get(f"{_APPLICATION}/forecast")
async def show_forecast(
    *,
    request: Request,
    project: ProjectName,
    application: ApplicationName,
    viewer: Viewed,
    version: Annotated[VersionName, Query()],
    kind: Annotated[PromotionKind, Query()] = PromotionKind.PROMOTE,
    to_stage: Annotated[StageName | None, Query()] = None,
) -> Response:
    """What the gates would say of a move, and the form that asks for it. Looking changes nothing."""
    named = {"project": project, "application": application}
    wanted = ShowReadiness(**named, version=version, kind=kind, to_stage=to_stage)
    shown = await viewer.ask(ShowApplication(**named), ApplicationView)
    readiness = await _readiness(viewer, wanted)
    target = readiness.to_stage if readiness else to_stage
    rights = rights_of(viewer, project)
    return page(
        request,
        "applications/forecast.html",
        viewer,
        project=project,
        live=f"project={project}&application={application}",
        shown=shown,
        version=version,
        kind=kind,
        to_stage=target,
        headline=views.headline(kind, version, readiness.from_stage if readiness else None, target),
        readiness=readiness,
        forecast=views.forecast_of(readiness) if readiness else None,
        replaces=next((one.version for one in shown.board if one.stage == target), None),
        needs_reason=views.needs_reason(kind),
        patience=views.PATIENCE,
        may_ask=rights.promote if kind is PromotionKind.PROMOTE else rights.manage,
        named=views.NAMED,
    )


@router.post(f"{_APPLICATION}/promotions")
async def request_promotion(project: ProjectName, application: ApplicationName, form: Sent) -> Response:
    """Ask for the move that was looked at. The same form twice asks once."""
    asked = await form.send(
        RequestPromotion,
        PromotionView,
        project=project,
        application=application,
        version=form.needed("version", "The version"),
        kind=form.text("kind") or PromotionKind.PROMOTE,
        to_stage=form.text("to_stage") or None,
        reason=form.text("reason"),
        patience_seconds=form.text("patience") or views.PATIENCE[1][0],
    )
    return RedirectResponse(f"/projects/{project}/promotions/{asked.promotion_id}", 303)


async def _readiness(viewer: Viewer, wanted: ShowReadiness) -> Readiness | None:
    """The forecast; None for a draft, which no gate judges before it is sealed."""
    try:
        return await viewer.ask(wanted, Readiness)
    except Conflict as error:
        if error.code == "version_draft":
            return None
        raise
