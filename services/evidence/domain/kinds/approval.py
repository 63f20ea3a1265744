"""Approvals, Hallmark's own predicate: somebody answered for one version's entry into one stage.

The predicate has `decision` (`approved` or `rejected`), `approver`, `role`, `stage`, `evidence_set` (the digest of
the evidence that the approver saw), and optionally `approver_kind` (`human` where it is not said), `reason` and
`decided_at`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from contracts.facts import ApprovalFacts
from contracts.vocabulary import ActorKind, Digest, Role, StageName, Text
from services.evidence.domain.kinds.reading import Moment, Part, Reading


class _Approval(Part):
    decision: Literal["approved", "rejected"]
    approver: str = Field(min_length=1, max_length=200)
    approver_kind: ActorKind = ActorKind.HUMAN
    role: Role
    stage: StageName
    evidence_set: Digest
    reason: Text = ""
    decided_at: Moment | None = None


def read(predicate: Mapping[str, Any]) -> Reading:
    """The approval in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    found = _Approval.model_validate(predicate)
    facts = ApprovalFacts(
        decision=found.decision,
        approver=found.approver,
        role=found.role,
        stage=found.stage,
        evidence_set=found.evidence_set,
        reason=found.reason,
        approver_kind=found.approver_kind,
    )
    return Reading(facts, claimed_at=found.decided_at)
