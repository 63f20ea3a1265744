"""Promotions that nobody asks for: a stage whose lifecycle says so takes in what its gates would let through."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from contracts.gate.v1.events import ReadinessChanged
from contracts.vocabulary import Actor, ActorKind, Outcome, PromotionKind
from services.promotion.domain.facts import APPROVAL
from services.promotion.handlers import HANDLERS
from services.promotion.handlers.looking import Seen, look_at_version
from services.promotion.handlers.opening import Wish, open_promotion, stage_of, way_of
from services.promotion.storage.unit_of_work import PromotionWork
from shared.errors import Conflict, Invalid
from shared.logs import log
from shared.messaging.dispatcher import Outside

PATIENCE = timedelta(days=7)
"""How long such a promotion waits for the people who have to approve it."""
BY = Actor(subject="promotion", kind=ActorKind.SERVICE)


async def look_whether_automatic(event: ReadinessChanged, outside: Outside) -> Seen | None:
    """Ask where the version stands; None when nothing is to be done, which is nearly always."""
    if event.to_stage is None or not _only_people_are_missing(event):
        return None
    seen = await look_at_version(outside, event.project, event.application, event.version)
    stages = [stage for stage in seen.version.lifecycle if stage.name == event.to_stage]
    return seen if stages and stages[0].automatic else None


@HANDLERS.on(ReadinessChanged, prepare=look_whether_automatic)
async def readiness_changed(event: ReadinessChanged, work: PromotionWork, seen: Seen | None) -> None:
    """Open a promotion into a stage that takes versions in by itself, when nothing but people's approval is missing."""
    if seen is None or seen.version.draft or seen.version.digest != event.version_digest:
        return
    wish = Wish(
        promotion_id=f"pr-{hashlib.sha256(f'automatic {work.unit.meta.message_id}'.encode()).hexdigest()[:24]}",
        kind=PromotionKind.PROMOTE,
        to_stage=event.to_stage,
        reason="",
        patience=PATIENCE,
        by=BY,
    )
    try:
        way = way_of(seen.version, wish)
    except (Conflict, Invalid) as refusal:
        log.info("not promoted by itself", version=event.version, stage=event.to_stage, why=refusal.code)
        return
    stage = stage_of(seen.version, way.to_stage)
    may_ask = stage.requesters is None or BY.kind in stage.requesters
    is_late = event.from_stage not in {seen.version.stage, way.from_stage}
    is_full = stage.queue == "refuse" and await work.promotions.is_taken(seen.version, stage.name)
    if may_ask and not is_late and not is_full and not await work.promotions.is_taken(seen.version):
        await open_promotion(work, seen, wish, way)


def _only_people_are_missing(event: ReadinessChanged) -> bool:
    if event.outcome is Outcome.ALLOW:
        return True
    awaited = {finding.awaits for finding in event.findings if not finding.lets_pass}
    return event.outcome is Outcome.PENDING and awaited == {APPROVAL}
