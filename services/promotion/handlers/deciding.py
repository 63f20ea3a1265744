"""What people decide about a promotion that waits: to stop it, to answer for it, to let it through a freeze."""

from __future__ import annotations

from datetime import datetime

from contracts.promotion.v1.commands import CancelPromotion, DecideApproval
from contracts.promotion.v1.freezes import BreakGlass
from contracts.promotion.v1.views import PromotionView
from contracts.vocabulary import Actor, Role
from services.promotion import wire, wire_tells
from services.promotion.domain.approving import check_approver, check_seen
from services.promotion.domain.breaking_glass import break_glass
from services.promotion.domain.facts import Cancelled, Thawed, Verdict
from services.promotion.domain.promotion import Approval
from services.promotion.handlers import HANDLERS
from services.promotion.handlers.steps import say, take_step
from services.promotion.storage.unit_of_work import PromotionWork


@HANDLERS.command(CancelPromotion)
async def cancel_promotion(command: CancelPromotion, work: PromotionWork) -> PromotionView:
    """Stop a promotion that is not decided yet."""
    caller = work.unit.caller
    caller.require_entry(command.project)
    promotion = await work.promotions.get(command.project, command.promotion_id)
    caller.require_member(command.project, promotion.application)
    if caller.actor.subject != promotion.requested_by:
        caller.require(command.project, Role.RELEASE_MANAGER, application=promotion.application)
    fact = Cancelled(caller.actor.subject, command.reason)
    return await work.views.shown(await take_step(work, promotion, fact))


@HANDLERS.command(DecideApproval)
async def decide_approval(command: DecideApproval, work: PromotionWork) -> PromotionView:
    """Have an answer signed, bound to the evidence that the newest verdict saw. The gates judge it then."""
    caller = work.unit.caller
    role = caller.require(command.project, Role.APPROVER)
    promotion = await work.promotions.get(command.project, command.promotion_id)
    verdict = check_approver(promotion, caller.actor)
    check_seen(verdict, command.evidence_set)
    answer = _answer(command, caller.actor, role, verdict, work.unit.now)
    kept = await work.promotions.save(promotion.model_copy(update={"approvals": (*promotion.approvals, answer)}))
    say(work, kept, [wire.approval_decided(kept, answer)])
    work.unit.tell(wire_tells.approval(kept, answer))
    return await work.views.shown(kept)


@HANDLERS.command(BreakGlass)
async def glass_broken(command: BreakGlass, work: PromotionWork) -> PromotionView:
    """Ask that a freeze lets one promotion through, or be the second person who says so."""
    caller = work.unit.caller
    caller.require(command.project, Role.RELEASE_MANAGER, Role.SECURITY)
    promotion = await work.promotions.get(command.project, command.promotion_id)
    glass = break_glass(promotion, caller.actor, command.reason, work.unit.now)
    kept = await work.promotions.save(promotion.model_copy(update={"glass": glass}))
    say(work, kept, [wire.glass_broken(kept, glass, work.unit.now)])
    work.unit.tell(wire_tells.glass(kept, glass, caller.actor.subject, work.unit.now))
    if glass.confirmed_by:
        kept = await take_step(work, kept, Thawed(await work.freezes.hold(kept, work.unit.now)))
    return await work.views.shown(kept)


def _answer(command: DecideApproval, by: Actor, role: Role, verdict: Verdict, at: datetime) -> Approval:
    return Approval(
        approver=by.subject,
        approver_kind=by.kind,
        role=role,
        decision=command.decision,
        reason=command.reason,
        evidence_set=verdict.evidence_set,
        at=at,
    )
