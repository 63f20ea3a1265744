"""Promotions: asked for, followed while they go on, answered, stopped."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.evidence.v1.queries import ListAttestations
from contracts.evidence.v1.views import Attestations
from contracts.gate.v1.queries import ShowVerdict
from contracts.gate.v1.views import VerdictView
from contracts.promotion.v1.commands import CancelPromotion, DecideApproval, RequestPromotion
from contracts.promotion.v1.freezes import BreakGlass
from contracts.promotion.v1.queries import ListPromotions, ShowPromotion
from contracts.promotion.v1.views import PromotionPage, PromotionView
from contracts.vocabulary import ApplicationName, ProjectName, PromotionKind, PromotionState, Role
from services.gateway import links
from services.gateway.console import promotion_views
from services.gateway.console.answering import known
from services.gateway.console.finding_views import About, counts, rows
from services.gateway.console.move_views import forecast_path
from services.gateway.console.pages.applications import rights_of
from services.gateway.console.pages.evidence import SENDERS
from services.gateway.console.rendering import page
from services.gateway.console.version_views import FINAL
from services.gateway.console.viewing import Sent, Viewed, Viewer

router = APIRouter()
_ALL = "/projects/{project}/promotions"
_ONE = f"{_ALL}/{{promotion_id}}"
_ANSWERS = {"approve": "approved", "reject": "rejected"}


@router.get(_ALL)
async def list_promotions(
    *,
    request: Request,
    viewer: Viewed,
    project: ProjectName,
    application: Annotated[ApplicationName | None, Query()] = None,
    state: Annotated[PromotionState | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Those of a project, the newest first."""
    query = ListPromotions(project=project, application=application, state=state, after=after, limit=50)
    found = await viewer.ask(query, PromotionPage)
    asked = {"application": application or "", "state": state.value if state else ""}
    return page(
        request,
        "promotions/list.html",
        viewer,
        project=project,
        live=f"project={project}",
        promotions=found.promotions,
        next_after=found.next,
        asked=asked,
        states=promotion_views.states(asked["state"]),
    )


@router.post(_ALL)
async def request_promotion(project: ProjectName, form: Sent) -> Response:
    """Ask that a version moves; then the promotion's own page says how it goes on."""
    wanted = {name: found for name in ("kind", "to_stage", "reason") if (found := form.text(name))}
    asked = await form.send(
        RequestPromotion,
        PromotionView,
        project=project,
        application=form.needed("application", "The application"),
        version=form.needed("version", "The version"),
        **wanted,
    )
    return RedirectResponse(links.thing(project, "promotions", asked.promotion_id), 303)


@router.get(_ONE)
async def show_promotion(request: Request, viewer: Viewed, project: ProjectName, promotion_id: str) -> Response:
    """Where it stands, what it waits for, and what came before."""
    found = await viewer.ask(ShowPromotion(project=project, promotion_id=promotion_id), PromotionView)
    (verdict, changed), attested = await asyncio.gather(
        _evidence_of(viewer, found),
        known(viewer, ListAttestations(project=project, promotion_id=promotion_id), Attestations),
    )
    about = About(
        project, found.application, found.version, found.version_digest, None, found.promotion_id, on_its_page=True
    )
    said = rows(found.findings, about)
    approver = viewer.may(project, Role.APPROVER)
    is_own = found.requested_by == viewer.subject
    open_now = found.state in promotion_views.WAITING
    return page(
        request,
        "promotions/show.html",
        viewer,
        project=project,
        live=f"project={project}&application={found.application}",
        promotion=found,
        verdict=verdict,
        changed=changed,
        rows=said,
        counts=counts(said),
        saga=promotion_views.saga(found),
        ended_otherwise=found.state in FINAL and found.state is not PromotionState.COMPLETED,
        waits=promotion_views.waits(found),
        why_not_answer=promotion_views.why_not_answer(found, viewer.subject, approver=approver),
        may_cancel=open_now and (is_own or viewer.may(project, Role.RELEASE_MANAGER)),
        may_break=bool(found.frozen_by) and open_now and viewer.may(project, Role.RELEASE_MANAGER, Role.SECURITY),
        passages=attested.attestations if attested else (),
        again=_again(viewer, found),
        may_send=viewer.may(project, *SENDERS),
        version_path=links.version(project, found.application, found.version),
        application_path=links.application(project, found.application),
    )


def _again(viewer: Viewer, promotion: PromotionView) -> str:
    """The forecast of the same move, where somebody who may ask for it asks again; empty for others."""
    rights = rights_of(viewer, promotion.project)
    if not (rights.promote if promotion.kind is PromotionKind.PROMOTE else rights.manage):
        return ""
    path = links.application(promotion.project, promotion.application)
    return forecast_path(path, promotion.version, promotion.kind, promotion.to_stage)


@router.post(f"{_ONE}/{{answer}}")
async def act(project: ProjectName, promotion_id: str, answer: str, form: Sent) -> Response:
    """Approve or reject on exactly the evidence that the page showed, stop it, or break the glass."""
    of = {"project": project, "promotion_id": promotion_id, "reason": form.text("reason")}
    match answer:
        case "cancel":
            await form.send(CancelPromotion, PromotionView, **of)
        case "break-glass":
            await form.send(BreakGlass, PromotionView, **of)
        case "approve" | "reject":
            seen = form.needed("evidence_set", "The evidence set")
            await form.send(DecideApproval, PromotionView, **of, decision=_ANSWERS[answer], evidence_set=seen)
        case _:
            raise promotion_views.unknown_answer(answer)
    return RedirectResponse(links.thing(project, "promotions", promotion_id), 303)


async def _evidence_of(
    viewer: Viewer, promotion: PromotionView
) -> tuple[VerdictView | None, promotion_views.Changes | None]:
    """The newest verdict, and how its evidence differs from what the last answer, or the first verdict, was about."""
    if promotion.verdict_id is None:
        return None, None
    answer, earlier = promotion_views.answered_on(promotion)
    newest = ShowVerdict(project=promotion.project, verdict_id=promotion.verdict_id)
    if earlier in (None, promotion.verdict_id):
        return await known(viewer, newest, VerdictView), None
    before = ShowVerdict(project=promotion.project, verdict_id=str(earlier))
    now, then = await asyncio.gather(known(viewer, newest, VerdictView), known(viewer, before, VerdictView))
    since = f"{answer.approver} {answer.decision} it" if answer else "its gates were first asked"
    return now, promotion_views.changes(then, now, since) if now and then else None
