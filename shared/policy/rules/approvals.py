"""Enough people other than the requester must have answered for this entry, having seen this evidence.

- An approval counts for the version, the stage and the evidence set it names, and for nothing else.
- Distinct approvers are counted; of one approver the newest decision counts.
- Whoever asked for the promotion may refuse it, but not approve it.
- One refusal of the same evidence set denies, until its author decides otherwise or the evidence changes.
- An approval that cannot be read, or whose signers were distrusted, approves nothing. A refusal stays one.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.facts import ApprovalFacts, EvidenceItem
from contracts.findings import Violation
from contracts.vocabulary import Outcome, Role
from shared.policy.dossier import Dossier
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, RuleHead, SignerRole, WholeNumber, weigh


class Approvals(RuleHead):
    """What people write for this rule."""

    kind: Literal["approvals"]
    waivable: bool = False
    """By default nobody can do without the people who have to answer."""
    role: Role
    """The role the approver answered in."""
    count: Annotated[WholeNumber, Field(ge=1, le=20)] = 1
    signer_role: SignerRole | None = None
    """The role of the key under the approval, for trust roots that let several keys sign approvals."""


def check(rule: Approvals, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when enough people approved this evidence, deny when one refused it, otherwise wait."""
    required = (
        f"{rule.count} approval(s) in the role {rule.role} for the stage {context.stage}, "
        "for exactly this evidence, by others than the requester."
    )
    relevant = _relevant(rule, dossier, context)
    bound = [(item, facts) for item, facts in relevant if facts.evidence_set == context.evidence_set]
    newest = {facts.approver: (item, facts) for item, facts in bound}
    problems = [
        Problem(
            Violation(says=who, artifact=dossier.version_digest, evidence=item.evidence_id),
            lead="Refused by ",
            remedy="Settle what stands against it: their newer decision, or newer evidence, replaces the refusal.",
            evidence=(item.evidence_id,),
        )
        for who, (item, facts) in sorted(newest.items())
        if facts.decision != "approved"
    ]
    others = {who: item for who, (item, _) in newest.items() if who != context.requested_by and _trusted(rule, item)}
    ids = tuple(sorted(item.evidence_id for item in others.values()))
    observed = f"{len(others)} of {rule.count} approval(s) given"
    if len(others) < rule.count:
        stale = len(relevant) - len(bound)
        more = f". {stale} decision(s) were made on other evidence than is here now" if stale else ""
        problems.append(
            Problem(
                Violation(says=observed + more, artifact=dossier.version_digest),
                Outcome.PENDING,
                remedy=f"Ask somebody in the role {rule.role}, who did not request this, to approve it as it is now.",
                evidence=ids,
                awaits="approval",
            )
        )
    return weigh(problems, context.waivers, RuleAnswer(Outcome.ALLOW, f"{observed}.", required, evidence=ids))


def _relevant(rule: Approvals, dossier: Dossier, context: RuleContext) -> list[tuple[EvidenceItem, ApprovalFacts]]:
    # Oldest first, so that what is collected by approver keeps the newest.
    ordered = sorted(dossier.verified, key=lambda item: (item.made_at, item.received_at, item.evidence_id))
    return [
        (item, item.facts)
        for item in ordered
        if isinstance(item.facts, ApprovalFacts)
        and dossier.version_digest in item.subjects
        and (item.facts.role, item.facts.stage) == (rule.role, context.stage)
        and any(rule.signer_role in (None, signer.role) for signer in item.signers)
    ]


def _trusted(rule: Approvals, item: EvidenceItem) -> bool:
    signers = (signer for signer in item.signers if rule.signer_role in (None, signer.role))
    return not item.distrusted and any(not signer.distrusted for signer in signers)
