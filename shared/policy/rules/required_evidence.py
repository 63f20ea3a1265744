"""Evidence of one type must be there: verified, by the right signers, young enough, about every artifact.

- It asks that the evidence exists and can be read; whether its content is good is for the other rules.
- Only of types that Hallmark knows nothing about can the content be judged here, by a JSON Schema.
- A quorum (`min_signers`) counts distinct keys on one piece of evidence.
- Evidence by other signers, or made for another stage, is not what was asked for: it neither passes nor hides anything.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.findings import Violation
from contracts.vocabulary import StageName
from shared.policy.dossier import Dossier, EvidenceKind, kind_of_type
from shared.policy.duration import Duration
from shared.policy.rules.coverage import Demand, cover
from shared.policy.rules.predicate_schema import PredicateSchema, unsatisfied
from shared.policy.rules.rule import RuleAnswer, RuleContext, RuleHead, SignerRole, WholeNumber

Names = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, max_length=500)], ...], Field(min_length=1, max_length=20)
]


class RequiredEvidence(RuleHead):
    """What people write for this rule: exactly one of `evidence` (a kind) and `predicate_type` (an exact URI)."""

    kind: Literal["required_evidence"]
    evidence: EvidenceKind | None = None
    predicate_type: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    signer_role: SignerRole | None = None
    max_age: Duration | None = None
    min_signers: Annotated[WholeNumber, Field(ge=1, le=20)] = 1
    identities: Names | None = None
    """Who certificates must say the signers are, each exactly one of these."""
    issuers: Names | None = None
    """The OIDC issuers that must have vouched for the signers, each exactly one of these."""
    made_for: StageName | None = None
    """The stage that the signed statement must name; `this` stands for the one whose gate it is."""
    predicate_schema: PredicateSchema | None = Field(default=None, alias="schema")
    """What the predicate must satisfy, for predicate types that Hallmark has no reader for."""

    @model_validator(mode="after")
    def _names_one_type(self) -> Self:
        if (self.evidence is None) == (self.predicate_type is None):
            raise ValueError("give exactly one of `evidence` and `predicate_type`")
        known = kind_of_type(self.predicate_type) if self.predicate_type is not None else self.evidence
        if known == "approval":
            raise ValueError("an approval can also be a refusal; ask for it with a rule of kind `approvals`")
        if self.predicate_schema is not None and known is not None:
            raise ValueError("`schema` goes with a `predicate_type` that Hallmark has no reader for")
        return self


def check(rule: RequiredEvidence, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when readable evidence covers every artifact; deny when what covers one cannot be read or is not right."""
    schema = rule.predicate_schema
    demand = Demand(
        kind=rule.evidence,
        predicate_type=rule.predicate_type,
        signer_role=rule.signer_role,
        min_signers=rule.min_signers,
        max_age=rule.max_age,
        made_for=context.stage if rule.made_for == "this" else rule.made_for,
        identities=rule.identities,
        issuers=rule.issuers,
    )
    if schema is None:
        required, remedy = (
            f"Every artifact has {demand.words}.",
            "Attach the evidence again in a form that can be read.",
        )
    else:
        required = f"Every artifact has {demand.words}, whose predicate satisfies the schema of the rule."
        remedy = f"Correct what the predicate says and attach it again, small enough to be judged: {demand.words}."
    return cover(
        demand,
        dossier,
        context,
        required=required,
        faults=lambda item, _: [Violation(says=why)] if schema and (why := unsatisfied(item, schema)) else [],
        remedy=remedy,
    )
