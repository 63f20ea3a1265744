"""From the domain to what others are told to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from contracts.evidence.v1.commands import AttestPassage, RecordApproval, RecordBrokenGlass, WithdrawPassage
from contracts.gate.v1.commands import EvaluateGates
from contracts.message import Tell
from contracts.registry.v1.commands import MemberMove, MoveVersion, MoveVersionsTogether
from contracts.vocabulary import Outcome
from services.promotion.domain.facts import Verdict
from services.promotion.domain.promotion import Approval, Doing, Glass, Promotion, Withdrawal
from services.promotion.wire import passages_of

_REASON = 500
"""Characters of a reason that travel with each of fifty moves: a message has an end."""


def told(promotion: Promotion) -> Tell | None:
    """What somebody has to do now, if anything."""
    match promotion.doing:
        case Doing.EVALUATE:
            return _evaluate(promotion)
        case Doing.ATTEST if promotion.verdict:
            return _attest(promotion, promotion.verdict)
        case Doing.MOVE if promotion.verdict and promotion.passage_digest:
            return _move(promotion, promotion.verdict, promotion.passage_digest)
        case Doing.WITHDRAW if promotion.withdrawals:
            return _withdraw(promotion, promotion.withdrawals[-1])
        case _:
            return None


def withdrawn(before: Promotion, after: Promotion) -> Iterator[WithdrawPassage]:
    """What the log has to be told since a step, but for what `told` tells anyway."""
    for one in after.withdrawals:
        is_told = after.doing is Doing.WITHDRAW and one is after.withdrawals[-1]
        if one not in before.withdrawals and not is_told:
            yield _withdraw(after, one)


def move_together(members: Sequence[Promotion], attempt: int) -> MoveVersionsTogether:
    """Every move of a train, as one."""
    lead = members[0]
    return MoveVersionsTogether(
        project=lead.project,
        application=lead.application,
        group_id=str(lead.train_id),
        attempt=attempt,
        moves=tuple(
            MemberMove.model_validate(
                _move(one, one.verdict, one.passage_digest).model_dump() | {"reason": one.reason[:_REASON]}
            )
            for one in members
            if one.verdict and one.passage_digest
        ),
    )


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
        trusted=promotion.may_be_trusted,
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
        trusted=promotion.may_be_trusted,
        waivers=verdict.waivers,
        clearance=verdict.clearance,
    )


def _withdraw(promotion: Promotion, withdrawal: Withdrawal) -> WithdrawPassage:
    return WithdrawPassage(
        project=promotion.project,
        application=promotion.application,
        promotion_id=promotion.promotion_id,
        attempt=withdrawal.attempt,
        version=promotion.version,
        version_digest=promotion.version_digest,
        passage_digest=withdrawal.passage_digest,
        because=withdrawal.because,
    )


def approval(promotion: Promotion, answer: Approval) -> RecordApproval:
    """What somebody decided, to be signed and kept."""
    return RecordApproval(
        project=promotion.project,
        application=promotion.application,
        promotion_id=promotion.promotion_id,
        version=promotion.version,
        version_digest=promotion.version_digest,
        stage=promotion.route.to_stage,
        decision=answer.decision,
        approver=answer.approver,
        approver_kind=answer.approver_kind,
        role=answer.role,
        evidence_set=answer.evidence_set,
        reason=answer.reason,
        decided_at=answer.at,
    )


def glass(promotion: Promotion, broken: Glass, by: str, at: datetime) -> RecordBrokenGlass:
    """What somebody did to get a promotion through a freeze, to be kept in the log for good."""
    return RecordBrokenGlass(
        project=promotion.project,
        application=promotion.application,
        promotion_id=promotion.promotion_id,
        version=promotion.version,
        version_digest=promotion.version_digest,
        stage=promotion.route.to_stage,
        freeze=promotion.hold.freeze if promotion.hold else "",
        by=by,
        is_confirmed=broken.confirmed_by is not None,
        reason=broken.reason,
        until=broken.until,
        at=at,
    )
