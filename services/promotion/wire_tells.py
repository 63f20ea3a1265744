"""From the domain to what others are told to do."""

from __future__ import annotations

from datetime import datetime

from contracts.evidence.v1.commands import AttestPassage, RecordApproval
from contracts.gate.v1.commands import EvaluateGates
from contracts.message import Tell
from contracts.promotion.v1.commands import DecideApproval
from contracts.registry.v1.commands import MoveVersion
from contracts.vocabulary import Actor, Outcome, Role
from services.promotion.domain.facts import Verdict
from services.promotion.domain.promotion import Doing, Promotion
from services.promotion.wire import passages_of


def told(promotion: Promotion) -> Tell | None:
    """What somebody has to do now, if anything."""
    match promotion.doing:
        case Doing.EVALUATE:
            return _evaluate(promotion)
        case Doing.ATTEST if promotion.verdict:
            return _attest(promotion, promotion.verdict)
        case Doing.MOVE if promotion.verdict and promotion.passage_digest:
            return _move(promotion, promotion.verdict, promotion.passage_digest)
        case _:
            return None


def _evaluate(promotion: Promotion) -> EvaluateGates:
    return EvaluateGates(
        project=promotion.project,
        application=promotion.application,
        promotion_id=promotion.promotion_id,
        attempt=promotion.attempt,
        version=promotion.version,
        version_digest=promotion.version_digest,
        passages=passages_of(promotion.route),
        positions=promotion.positions,
        requested_by=promotion.requested_by,
        deadline=promotion.deadline,
        kind=promotion.kind,
    )


def _attest(promotion: Promotion, verdict: Verdict) -> AttestPassage:
    return AttestPassage(
        project=promotion.project,
        application=promotion.application,
        promotion_id=promotion.promotion_id,
        attempt=promotion.attempt,
        kind=promotion.kind,
        version=promotion.version,
        version_digest=promotion.version_digest,
        artifacts=promotion.artifacts,
        from_stage=promotion.route.from_stage,
        to_stage=promotion.route.to_stage,
        release=promotion.route.release,
        verdict_id=verdict.verdict_id,
        outcome=Outcome.ALLOW,
        policy_digests=verdict.policy_digests,
        evidence_digests=verdict.evidence_digests,
        judged_at=verdict.judged_at,
        trusted=verdict.may_be_trusted,
        waivers=verdict.waivers,
        clearance=verdict.clearance,
    )


def _move(promotion: Promotion, verdict: Verdict, passage_digest: str) -> MoveVersion:
    return MoveVersion(
        project=promotion.project,
        application=promotion.application,
        promotion_id=promotion.promotion_id,
        attempt=promotion.attempt,
        version=promotion.version,
        version_digest=promotion.version_digest,
        kind=promotion.kind,
        from_stage=promotion.route.from_stage,
        to_stage=promotion.route.to_stage,
        verdict_id=verdict.verdict_id,
        verdict_expires_at=verdict.expires_at,
        passage_digest=passage_digest,
        requested_by=promotion.requested_by,
        reason=promotion.reason,
        trusted=verdict.may_be_trusted,
        waivers=verdict.waivers,
        clearance=verdict.clearance,
    )


def approval(
    command: DecideApproval, promotion: Promotion, verdict: Verdict, approver: Actor, *, role: Role, at: datetime
) -> RecordApproval:
    """What a person decided, to be signed and kept."""
    return RecordApproval(
        project=promotion.project,
        application=promotion.application,
        promotion_id=promotion.promotion_id,
        version=promotion.version,
        version_digest=promotion.version_digest,
        stage=promotion.route.to_stage,
        decision=command.decision,
        approver=approver.subject,
        approver_kind=approver.kind,
        role=role,
        evidence_set=verdict.evidence_set,
        reason=command.reason,
        decided_at=at,
    )
