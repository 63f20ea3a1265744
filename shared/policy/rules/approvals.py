"""Enough people with no other part in it must have answered for this entry, having seen this evidence.

- An approval counts for the version, the stage and the evidence set it names, and for nothing else.
- Only people's approvals count, unless the rule names other kinds of actors. Anybody's refusal counts.
- Distinct approvers are counted; of one approver, in one role, the newest decision counts.
- Where several roles are asked for, one person counts in one of them only.
- Whoever asked for the promotion may refuse it, but not approve it; so may, by default, whoever wrote, registered or
  committed the version, or signed or handed in its evidence.
- One refusal of the same evidence set denies, until its author decides otherwise or the evidence changes.
- An approval that cannot be read, that is too old, or whose signers were distrusted, approves nothing. A refusal stays
  one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from contracts.facts import ApprovalFacts, EvidenceItem
from contracts.findings import Violation
from contracts.vocabulary import ActorKind, Document, Outcome, Role
from shared.policy.dossier import Dossier
from shared.policy.duration import Duration, format_duration
from shared.policy.rules.quorum import Answer, counted, suffices_since
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, RuleHead, SignerRole, WholeNumber, weigh
from shared.policy.rules.separation import DUTIES, Duty, Separation, in_words

Count = Annotated[WholeNumber, Field(ge=1, le=20)]
Decision = tuple[EvidenceItem, ApprovalFacts]


def _in_order(duties: tuple[Duty, ...]) -> tuple[Duty, ...]:
    if "requester" not in duties:
        raise ValueError("nobody approves what they asked for themselves: `requester` belongs here always")
    return tuple(one for one in DUTIES if one in duties)


class Quorum(Document):
    """So many approvals in one more role."""

    role: Role
    count: Count = 1


class Approvals(RuleHead):
    """What people write for this rule."""

    kind: Literal["approvals"]
    waivable: bool = False
    """By default nobody can do without the people who have to answer."""
    role: Role
    """The role the approver answered in."""
    count: Count = 1
    also: Annotated[tuple[Quorum, ...], Field(min_length=1, max_length=len(Role))] | None = None
    """Further roles, by other people."""
    kinds: Annotated[tuple[ActorKind, ...], Field(min_length=1, max_length=len(ActorKind))] = (ActorKind.HUMAN,)
    """Whose approvals count: by default those of people alone."""
    separate_from: Annotated[tuple[Duty, ...], AfterValidator(_in_order)] = DUTIES
    """Whose approvals do not count."""
    signer_role: SignerRole | None = None
    """The role of the key under the approval, for trust roots that let several keys sign approvals."""
    max_age: Duration | None = None
    """How long an approval may allow; a refusal has no age."""

    @model_validator(mode="after")
    def _roles_differ(self) -> Self:
        if len(self.seats) != 1 + len(self.also or ()):
            raise ValueError("every role is named once; raise its `count` to ask for more people in it")
        return self

    @property
    def seats(self) -> dict[Role, int]:
        """How many people are asked for in each role."""
        return {self.role: self.count} | {one.role: one.count for one in self.also or ()}


def check(rule: Approvals, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when enough people approved this evidence, deny when one refused it, otherwise wait."""
    relevant = _relevant(rule, dossier, context)
    bound = [(item, facts) for item, facts in relevant if facts.evidence_set == context.evidence_set]
    newest = {(facts.approver, facts.role): (item, facts) for item, facts in bound}
    approved = [
        (item, facts)
        for item, facts in newest.values()
        if facts.decision == "approved" and facts.approver_kind in rule.kinds and _trusted(rule, item)
    ]
    separation = Separation(rule.separate_from, dossier, context.requested_by)
    apart = [one for one in approved if separation.reason(one[1].approver) is None]
    answers = [_answer(item, facts) for item, facts in apart if not _too_old(rule, item, context)]
    given = counted(rule.seats, answers)
    ids = tuple(sorted(one.evidence_id for one in answers))
    observed = _observed(rule.seats, given)
    notes = _notes(
        {facts.approver: why for _, facts in approved if (why := separation.reason(facts.approver))},
        f"{len(apart) - len(answers)} approval(s) are more than {format_duration(rule.max_age)} old"
        if rule.max_age and len(answers) < len(apart)
        else "",
    )
    problems = _refusals(newest.values(), dossier)
    if given != rule.seats:
        stale = len(relevant) - len(bound)
        more = f". {stale} decision(s) were made on other evidence than is here now" if stale else ""
        problems.append(
            Problem(
                Violation(says=observed + more + notes, artifact=dossier.version_digest),
                Outcome.PENDING,
                remedy=_remedy(rule, given),
                evidence=ids,
                awaits="approval",
            )
        )
    since = suffices_since(rule.seats, answers) if rule.max_age else None
    until = since + rule.max_age if since and rule.max_age else None
    good = RuleAnswer(Outcome.ALLOW, f"{observed}{notes}.", _required(rule, context), evidence=ids, valid_until=until)
    answer = weigh(problems, context.waivers, good)
    return answer if rule.kinds == (ActorKind.HUMAN,) else replace(answer, approver_kinds=rule.kinds)


def _relevant(rule: Approvals, dossier: Dossier, context: RuleContext) -> list[Decision]:
    # Oldest first, so that what is collected by approver keeps the newest.
    ordered = sorted(dossier.verified, key=lambda item: (item.made_at, item.received_at, item.evidence_id))
    return [
        (item, item.facts)
        for item in ordered
        if isinstance(item.facts, ApprovalFacts)
        and dossier.version_digest in item.subjects
        and item.facts.stage == context.stage
        and item.facts.role in rule.seats
        and any(rule.signer_role in (None, signer.role) for signer in item.signers)
    ]


def _trusted(rule: Approvals, item: EvidenceItem) -> bool:
    signers = (signer for signer in item.signers if rule.signer_role in (None, signer.role))
    return not item.distrusted and any(not signer.distrusted for signer in signers)


def _too_old(rule: Approvals, item: EvidenceItem, context: RuleContext) -> bool:
    return rule.max_age is not None and item.made_at + rule.max_age < context.at


def _answer(item: EvidenceItem, facts: ApprovalFacts) -> Answer:
    return Answer(facts.approver, facts.role, item.made_at, item.evidence_id)


def _refusals(decisions: Iterable[Decision], dossier: Dossier) -> list[Problem]:
    return [
        Problem(
            Violation(says=facts.approver, artifact=dossier.version_digest, evidence=item.evidence_id),
            lead="Refused by ",
            remedy="Settle what stands against it: their newer decision, or newer evidence, replaces the refusal.",
            evidence=(item.evidence_id,),
        )
        for item, facts in sorted(decisions, key=lambda one: (one[1].approver, one[1].role))
        if facts.decision != "approved"
    ]


def _observed(seats: Mapping[Role, int], given: Mapping[Role, int]) -> str:
    [(first, count), *others] = seats.items()
    where = f" in the role {first}" if others else ""
    rest = "".join(f", {given[role]} of {count} in the role {role}" for role, count in others)
    return f"{given[first]} of {count} approval(s) given{where}{rest}"


def _notes(apart: Mapping[str, str], old: str) -> str:
    who = "; ".join(f"{subject}, who {why}" for subject, why in sorted(apart.items()))
    return "".join(f". {one}" for one in (old, f"Not counted: {who}" if who else "") if one)


def _required(rule: Approvals, context: RuleContext) -> str:
    [(first, count), *others] = rule.seats.items()
    rest = "".join(f" and {number} in the role {role}" for role, number in others)
    different = ", each by another person" if others else ""
    age = f", at most {format_duration(rule.max_age)} old" if rule.max_age else ""
    return (
        f"{count} approval(s) in the role {first}{rest}{different} for the stage {context.stage}, "
        f"for exactly this evidence{age}, by others than {in_words(rule.separate_from)}."
    )


def _remedy(rule: Approvals, given: Mapping[Role, int]) -> str:
    lacking = " and ".join(f"in the role {role}" for role, count in rule.seats.items() if given[role] < count)
    other = "who did not request this" if len(rule.separate_from) == 1 else "who had no other part in this"
    return f"Ask somebody {lacking}, {other}, to approve it as it is now."
