"""Evidence of one type must be there: verified, by the right signers, young enough, about every artifact.

- It asks that the evidence exists and can be read; whether its content is good is for the other rules.
- A quorum (`min_signers`) counts distinct keys on one piece of evidence.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.policy.dossier import Dossier, EvidenceKind, kind_of_type
from shared.policy.duration import Duration
from shared.policy.rules.coverage import Demand, cover
from shared.policy.rules.rule import RuleAnswer, RuleContext, RuleHead, SignerRole, WholeNumber


class RequiredEvidence(RuleHead):
    """What people write for this rule: exactly one of `evidence` (a kind) and `predicate_type` (an exact URI)."""

    kind: Literal["required_evidence"]
    evidence: EvidenceKind | None = None
    predicate_type: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    signer_role: SignerRole | None = None
    max_age: Duration | None = None
    min_signers: Annotated[WholeNumber, Field(ge=1, le=20)] = 1

    @model_validator(mode="after")
    def _names_one_type(self) -> Self:
        if (self.evidence is None) == (self.predicate_type is None):
            raise ValueError("give exactly one of `evidence` and `predicate_type`")
        if self.predicate_type is not None and kind_of_type(self.predicate_type) == "approval":
            raise ValueError("an approval can also be a refusal; ask for it with a rule of kind `approvals`")
        return self


def check(rule: RequiredEvidence, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when readable evidence covers every artifact; deny when what covers one cannot be read."""
    demand = Demand(
        kind=rule.evidence,
        predicate_type=rule.predicate_type,
        signer_role=rule.signer_role,
        min_signers=rule.min_signers,
        max_age=rule.max_age,
    )
    return cover(
        demand,
        dossier,
        context,
        required=f"Every artifact has {demand.words}.",
        remedy="Attach the evidence again in a form that can be read.",
    )
