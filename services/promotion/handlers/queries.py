"""What the promotion service is asked."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.gate.v1.queries import JudgeGates
from contracts.gate.v1.views import Judgement
from contracts.promotion.v1.queries import ListApprovals, ListPromotions, ShowPromotion, ShowReadiness
from contracts.promotion.v1.trains import ShowTrain, TrainView
from contracts.promotion.v1.views import ApprovalPage, PromotionPage, PromotionView, Readiness
from contracts.registry.v1.queries import ShowVersion
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import PromotionKind, Role
from services.promotion import wire
from services.promotion.domain.passages import Route, next_stages, route
from services.promotion.handlers import HANDLERS
from services.promotion.storage.unit_of_work import PromotionWork
from shared.errors import Conflict
from shared.messaging.dispatcher import Outside


@dataclass(frozen=True)
class Outlook:
    """What lies before a version: nothing more, or a route and what its gates would say."""

    version: VersionView
    route: Route | None
    judgement: Judgement | None


async def look_ahead(query: ShowReadiness, outside: Outside) -> Outlook:
    """Ask where the version stands, and what the gates before it would say."""
    show = ShowVersion(project=query.project, application=query.application, version=query.version)
    version = await outside.asker.ask(show, VersionView, token=outside.token, cause=outside.meta)
    if version.draft:
        raise Conflict(
            "version_draft",
            f"{query.version} is a draft: its content may still change, so that no gate judges it.",
            remedy="Seal it, or promote it, which seals it.",
        )
    way = _thought_of(query, version)
    if way is None:
        return Outlook(version, None, None)
    judge = JudgeGates(
        project=query.project,
        application=query.application,
        version=query.version,
        version_digest=version.digest,
        passages=wire.passages_of(way),
        requested_by=outside.caller.actor.subject,
        kind=query.kind,
    )
    return Outlook(version, way, await outside.asker.ask(judge, Judgement, token=outside.token, cause=outside.meta))


def _thought_of(query: ShowReadiness, version: VersionView) -> Route | None:
    """The way that is asked about; None when nothing follows. Raises as a request for it would."""
    stages, where = wire.stages_of(version), wire.whereabouts(version)
    if query.to_stage is not None or query.kind is not PromotionKind.PROMOTE:
        return route(stages, where, query.kind, query.to_stage)
    following = [stage.name for stage in next_stages(stages, where) if stage.name not in where.quarantined_in]
    return route(stages, where, query.kind, following[0]) if following else None


@HANDLERS.query(ShowPromotion)
async def show_promotion(query: ShowPromotion, work: PromotionWork) -> PromotionView:
    """One promotion."""
    work.unit.caller.require_entry(query.project)
    found = await work.views.promotion(query.project, query.promotion_id)
    work.unit.caller.require_member(query.project, found.application)
    return found


@HANDLERS.query(ListPromotions)
async def list_promotions(query: ListPromotions, work: PromotionWork) -> PromotionPage:
    """Promotions, newest first."""
    work.unit.caller.require_member(query.project, query.application)
    return await work.views.page(query)


@HANDLERS.query(ListApprovals)
async def list_approvals(query: ListApprovals, work: PromotionWork) -> ApprovalPage:
    """Promotions that wait for the caller, as far as roles tell."""
    caller = work.unit.caller
    projects = caller.projects_with(Role.APPROVER)
    return await work.views.awaiting(projects, caller.actor.subject, query)


@HANDLERS.query(ShowTrain)
async def show_train(query: ShowTrain, work: PromotionWork) -> TrainView:
    """One train."""
    work.unit.caller.require_member(query.project)
    return await work.views.train(query.project, query.train_id)


@HANDLERS.query(ShowReadiness, prepare=look_ahead)
async def show_readiness(query: ShowReadiness, work: PromotionWork, outlook: Outlook) -> Readiness:
    """What is missing for the next stage, or another move. Nothing is stored, and no promotion can be based on it."""
    work.unit.caller.require_member(query.project, query.application)
    judgement = outlook.judgement
    return Readiness(
        project=query.project,
        application=query.application,
        version=query.version,
        version_digest=outlook.version.digest,
        from_stage=outlook.version.stage,
        to_stage=outlook.route.to_stage if outlook.route else None,
        outcome=judgement.outcome if judgement else None,
        findings=judgement.findings if judgement else (),
        judged_at=judgement.judged_at if judgement else work.unit.now,
    )
