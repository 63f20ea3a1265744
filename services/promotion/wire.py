"""Contracts into domain and back."""

from __future__ import annotations

from datetime import datetime

from contracts.gate.v1.commands import Passage
from contracts.gate.v1.events import VerdictIssued
from contracts.message import Event
from contracts.promotion.v1.events import (
    ApprovalDecided,
    ApprovalWithdrawn,
    PromotionAdvanced,
    PromotionCompleted,
    PromotionEnded,
    PromotionRequested,
    ReleaseTrusted,
)
from contracts.promotion.v1.freezes import GlassBroken
from contracts.promotion.v1.views import ApprovalView, BrokenGlass, PromotionView
from contracts.promotion.v1.views import Transition as TransitionView
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import PromotionState
from services.promotion.domain.facts import Hold, Verdict, VerdictGiven
from services.promotion.domain.passages import Route, Stage, Whereabouts
from services.promotion.domain.promotion import FINAL, Approval, Glass, Promotion
from shared.way import way_of


def stages_of(version: VersionView) -> tuple[Stage, ...]:
    """The lifecycle as the domain sees it."""
    return tuple(Stage(stage.name, stage.open, stage.release) for stage in version.lifecycle)


def whereabouts(version: VersionView) -> Whereabouts:
    """Where a version stands, and where it has been."""
    return Whereabouts(
        stage=version.stage,
        entered=frozenset(way_of(version.history).held),
        current_in=frozenset(version.standing_in),
        quarantined_in=frozenset(version.quarantined_in),
    )


def passages_of(route: Route) -> tuple[Passage, ...]:
    """The gates of a route, for the gate service."""
    return tuple(Passage(stage=gate.stage, gate=gate.gate, open=gate.open) for gate in route.gates)


def verdict_given(event: VerdictIssued, hold: Hold | None) -> VerdictGiven:
    """What the gates said, and the freeze that holds the promotion back whatever they say."""
    verdict = Verdict(
        verdict_id=event.verdict_id,
        attempt=event.attempt,
        outcome=event.outcome,
        findings=event.findings,
        policy_digests=event.policy_digests,
        evidence_digests=tuple(sorted({used.content_digest for used in event.evidence})),
        evidence_set=event.evidence_set,
        judged_at=event.judged_at,
        expires_at=event.expires_at,
        waivers=tuple(sorted({used.waiver_id for used in event.waivers})),
        may_be_trusted=event.may_be_trusted,
        clearance=event.clearance,
    )
    gates = frozenset((passage.stage, passage.gate) for passage in event.passages)
    return VerdictGiven(event.version_digest, event.kind, gates, verdict, hold)


def promotion_view(promotion: Promotion) -> PromotionView:
    """A promotion for people and programs."""
    verdict = promotion.verdict
    return PromotionView(
        **{name: getattr(promotion, name) for name in PromotionView.model_fields if hasattr(promotion, name)}
        | {
            "from_stage": promotion.route.from_stage,
            "to_stage": promotion.route.to_stage,
            "release": promotion.route.release,
            "verdict_id": verdict.verdict_id if verdict else None,
            "outcome": verdict.outcome if verdict else None,
            "findings": verdict.findings if verdict else (),
            "waivers": verdict.waivers if verdict else (),
            "may_be_trusted": promotion.may_be_trusted if verdict else True,
            "history": tuple(TransitionView.model_validate(vars(step)) for step in promotion.history),
            "frozen_by": promotion.hold.freeze if promotion.hold else None,
            "frozen_until": promotion.hold.until if promotion.hold else None,
            "broken_glass": BrokenGlass.model_validate(vars(promotion.glass)) if promotion.glass else None,
            "approvals": tuple(
                ApprovalView(**vars(one), counts=_counts(one, promotion)) for one in promotion.approvals
            ),
        }
    )


def requested(promotion: Promotion) -> PromotionRequested:
    """The fact that somebody asked."""
    return PromotionRequested(
        project=promotion.project,
        application=promotion.application,
        version=promotion.version,
        version_digest=promotion.version_digest,
        promotion_id=promotion.promotion_id,
        kind=promotion.kind,
        from_stage=promotion.route.from_stage,
        to_stage=promotion.route.to_stage,
        requested_by=promotion.requested_by,
        reason=promotion.reason,
        deadline=promotion.deadline,
        at=promotion.requested_at,
        requested_by_kind=promotion.requested_by_kind,
        train_id=promotion.train_id,
    )


def queued(promotion: Promotion, place: int | None, at: datetime) -> PromotionAdvanced:
    """The fact that it waits for its turn."""
    return _advanced(promotion, promotion, at).model_copy(
        update={"because": f"waits for {promotion.route.to_stage}, as number {place}", "queue_position": place}
    )


def approval_decided(promotion: Promotion, answer: Approval) -> ApprovalDecided:
    """The fact that somebody answered."""
    return ApprovalDecided(
        project=promotion.project,
        application=promotion.application,
        version=promotion.version,
        version_digest=promotion.version_digest,
        promotion_id=promotion.promotion_id,
        stage=promotion.route.to_stage,
        **vars(answer),
    )


def glass_broken(promotion: Promotion, glass: Glass, at: datetime) -> GlassBroken:
    """The fact that somebody asked for a way through a freeze, or opened it."""
    return GlassBroken(
        project=promotion.project,
        application=promotion.application,
        version=promotion.version,
        promotion_id=promotion.promotion_id,
        freeze=promotion.hold.freeze if promotion.hold else "",
        asked_by=glass.asked_by,
        reason=glass.reason,
        confirmed_by=glass.confirmed_by,
        until=glass.until,
        at=at,
    )


def said(before: Promotion, after: Promotion, at: datetime) -> tuple[Event, ...]:
    """What a step is told as. Trust is said last, and only of a release that may be called trusted."""
    if after.history == before.history:
        return ()
    if after.state not in FINAL:
        return (*_withdrawn(before, after, at), _advanced(before, after, at))
    if after.state is not PromotionState.COMPLETED:
        return (_ended(after, at),)
    is_trusted = after.route.release and after.may_be_trusted
    return (_completed(after, at), *([_trusted(after, at)] if is_trusted else []))


def _counts(approval: Approval, promotion: Promotion) -> bool:
    return promotion.verdict is not None and approval.evidence_set == promotion.verdict.evidence_set


def _withdrawn(before: Promotion, after: Promotion, at: datetime) -> tuple[ApprovalWithdrawn, ...]:
    """The answers that counted until now, and are about other evidence than is there now."""
    return tuple(
        ApprovalWithdrawn(
            project=after.project,
            application=after.application,
            version=after.version,
            promotion_id=after.promotion_id,
            stage=after.route.to_stage,
            approver=one.approver,
            evidence_set=one.evidence_set,
            at=at,
        )
        for one in after.approvals
        if _counts(one, before) and not _counts(one, after)
    )


def _advanced(before: Promotion, after: Promotion, at: datetime) -> PromotionAdvanced:
    verdict = after.verdict
    return PromotionAdvanced(
        project=after.project,
        application=after.application,
        version=after.version,
        promotion_id=after.promotion_id,
        attempt=after.attempt,
        from_state=before.state,
        to_state=after.state,
        because=after.history[-1].because,
        verdict_id=verdict.verdict_id if verdict else None,
        outcome=verdict.outcome if verdict else None,
        findings=verdict.open_findings if verdict else (),
        at=at,
        frozen_by=after.hold.freeze if after.hold else None,
        frozen_until=after.hold.until if after.hold else None,
    )


def _ended(after: Promotion, at: datetime) -> PromotionEnded:
    verdict = after.verdict
    return PromotionEnded.model_validate(
        {
            **{name: getattr(after, name) for name in PromotionEnded.model_fields if hasattr(after, name)},
            "to_stage": after.route.to_stage,
            "because": after.history[-1].because,
            "verdict_id": verdict.verdict_id if verdict else None,
            "findings": verdict.open_findings if verdict else (),
            "at": at,
        }
    )


def _completed(after: Promotion, at: datetime) -> PromotionCompleted:
    return PromotionCompleted.model_validate(
        {
            **{name: getattr(after, name) for name in PromotionCompleted.model_fields if hasattr(after, name)},
            "from_stage": after.route.from_stage,
            "to_stage": after.route.to_stage,
            "release": after.route.release,
            "verdict_id": after.verdict.verdict_id if after.verdict else "",
            "trusted": after.may_be_trusted,
            "waivers": after.verdict.waivers if after.verdict else (),
            "at": at,
        }
    )


def _trusted(after: Promotion, at: datetime) -> ReleaseTrusted:
    return ReleaseTrusted.model_validate(
        {
            **{name: getattr(after, name) for name in ReleaseTrusted.model_fields if hasattr(after, name)},
            "stage": after.route.to_stage,
            "verdict_id": after.verdict.verdict_id if after.verdict else "",
            "evidence_digests": after.verdict.evidence_digests if after.verdict else (),
            "waivers": after.verdict.waivers if after.verdict else (),
            "at": at,
        }
    )
