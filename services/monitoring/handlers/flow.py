"""What monitoring overhears for flow and coverage: promotions on their way, verdicts, waivers (`waivers.py`)."""

from __future__ import annotations

from contracts.evidence.v1.events import EvidenceAdded, EvidenceRejudged
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.waivers import WaiverEnded, WaiverGranted, WaiverRefused, WaiverRequested
from contracts.message import Event
from contracts.promotion.v1.events import PromotionAdvanced, PromotionRequested
from contracts.registry.v1.events import VersionMoved
from contracts.vocabulary import PromotionKind
from services.monitoring import wire_flow as wire
from services.monitoring.domain.buckets import changes
from services.monitoring.domain.coverage import Stood
from services.monitoring.domain.flow import Journey, Judgement, Step, dwelling
from services.monitoring.handlers import FLOW, HANDLERS
from services.monitoring.storage.aggregates import Kind
from services.monitoring.storage.unit_of_work import MonitoringWork

_RANK: dict[type[Event], int] = {WaiverRequested: 0, WaiverGranted: 1, WaiverRefused: 1, WaiverEnded: 2}
"""The order of a waiver's life: whatever is heard late changes nothing that came after it."""


@HANDLERS.on(PromotionRequested, group=FLOW, workers=16)
async def promotion_requested(event: PromotionRequested, work: MonitoringWork) -> None:
    """A promotion begins to wait."""
    await stepped(event, work)


@HANDLERS.on(PromotionAdvanced, group=FLOW, workers=16)
async def promotion_advanced(event: PromotionAdvanced, work: MonitoringWork) -> None:
    """A promotion waits for something else."""
    await stepped(event, work)


@HANDLERS.on(VerdictIssued, group=FLOW, workers=16)
async def verdict_issued(event: VerdictIssued, work: MonitoringWork) -> None:
    """Count what passes at once, and what stops promotions."""
    await _travelled(work, event.promotion_id, event.project, event.application, judged=wire.judged(event))


async def stepped(event: wire.Heard, work: MonitoringWork) -> None:
    """Count what a promotion waited for until now."""
    await _travelled(work, event.promotion_id, event.project, event.application, steps=wire.steps(event))


async def moved(event: VersionMoved, work: MonitoringWork) -> None:
    """Count how long a version was in the stage that it has left, and keep what stands where."""
    named = (event.project, event.application)
    before = await work.journeys.moves(*named, event.version)
    after = {one.id: one for one in (wire.move(event), *before)}.values()
    await work.journeys.moved(*named, event.version, after)
    await work.buckets.add(Kind.FLOW, *named, changes(dwelling(before), dwelling(after)))
    if event.kind is not PromotionKind.RECERTIFY:
        stood = Stood(event.to_stage, event.version, event.version_digest, event.at)
        await work.coverage.entered(*named, stood)
    for stage in event.left:
        await work.coverage.left(*named, stage, event.version, event.at)


async def seen(event: EvidenceAdded | EvidenceRejudged, work: MonitoringWork) -> None:
    """Keep that there is such evidence, and what it counts for."""
    await work.coverage.seen(event.project, wire.seen(event.item))


async def _travelled(
    work: MonitoringWork,
    promotion: str,
    project: str,
    application: str,
    *,
    steps: tuple[Step, ...] = (),
    judged: Judgement | None = None,
) -> None:
    before = await work.journeys.hold(promotion, project, application)
    after = Journey(before.steps | set(steps), before.judgements | ({judged} if judged else set()))
    if after != before:
        await work.journeys.keep(promotion, after)
        await work.buckets.add(Kind.FLOW, project, application, changes(before.entries(), after.entries()))


async def waiver(event: WaiverRequested | WaiverGranted | WaiverRefused | WaiverEnded, work: MonitoringWork) -> None:
    """Count what exceptions are owed, and for how long."""
    is_granted = isinstance(event, WaiverGranted)
    facts = {
        "project": event.project,
        "application": event.application,
        "open": is_granted,
        "expires_at": event.expires_at,
        **({"granted_at": event.at} if is_granted else {}),
    }
    await work.waiver_debts.told(event.waiver_id, facts, _RANK[type(event)])
