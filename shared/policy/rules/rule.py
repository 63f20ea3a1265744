"""What every rule has, reads and answers.

- A rule lists the problems it sees; `weigh` takes out those that waivers cover and answers with the worst that is left.
- A denial outweighs what may still arrive.
- What could not be judged is covered by no waiver: nobody knows what would be tolerated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Strict, StringConstraints

from contracts.findings import Violation
from contracts.vocabulary import ActorKind, Digest, Document, GateKind, Outcome, PromotionKind, StageName
from shared.policy.duration import Moment
from shared.policy.waivers import Waivers
from shared.rego.question import Answer

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
"""Without underscores: the rule ids that Hallmark itself answers under (`no_policy`) have one."""
SignerRole = Annotated[str, StringConstraints(min_length=1, max_length=63)]
"""A role that a trust root gives to a key, such as `build`."""
WholeNumber = Annotated[int, Strict()]
_NAMED = 3
"""How many single things a sentence names before it says how many more there are."""


class RuleHead(Document):
    """What people write for a rule of any kind."""

    id: RuleId
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    remedy: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    """Said in place of the built-in advice when the rule does not pass."""
    effective_on: Moment | None = None
    """Until then the rule is judged and shown, and stops nothing: who it will stop can see it coming."""
    waivable: bool = True
    """Whether somebody may grant exceptions from it."""


@dataclass(frozen=True, slots=True)
class RuleContext:
    """The moment a rule is judged in."""

    stage: StageName
    gate: GateKind
    requested_by: str
    """Subject of the actor who asked for the promotion."""
    evidence_set: Digest
    at: datetime
    kind: PromotionKind = PromotionKind.PROMOTE
    waivers: Waivers = field(default_factory=Waivers)
    """Those that count for this rule."""
    rego: Mapping[str, Answer] = field(default_factory=dict)
    """What the Rego engine answered, by the key of the question."""


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """What one rule says of one dossier; the fields are those of `contracts.findings.Finding`."""

    outcome: Outcome
    observed: str
    required: str
    remedy: str = ""
    evidence: tuple[str, ...] = ()
    awaits: str | None = None
    valid_until: datetime | None = None
    """The last moment at which the evidence that passed is young enough; None when age does not matter."""
    passes_at: datetime | None = None
    """When time alone lets it pass."""
    violations: tuple[Violation, ...] = ()
    approver_kinds: tuple[ActorKind, ...] = ()
    """Whose approval counts, where it is not people's alone."""

    @property
    def waivers(self) -> tuple[str, ...]:
        """Ids of the waivers that cover some of its violations, sorted."""
        return tuple(sorted({one.waived_by for one in self.violations if one.waived_by}))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a rule from passing."""

    violation: Violation
    outcome: Literal[Outcome.DENY, Outcome.PENDING, Outcome.ERROR] = Outcome.DENY
    lead: str = ""
    """Begins the sentence that names all problems with the same lead."""
    remedy: str = ""
    sentence: str = ""
    """What the sentence names it by, where that is not what the violation says."""
    rank: int = 0
    """Of problems with one outcome, those with the lowest rank are told."""
    evidence: tuple[str, ...] = ()
    awaits: str | None = None
    passes_at: datetime | None = None

    @property
    def name(self) -> str:
        """What the sentence names it by."""
        return self.sentence or self.violation.says


_WORST_FIRST = (Outcome.ERROR, Outcome.DENY, Outcome.PENDING)


def weigh(problems: Iterable[Problem], waivers: Waivers, good: RuleAnswer) -> RuleAnswer:
    """`good` when no problem is left that no waiver covers, else what the worst of those left say."""
    covered = [_covered(problem, waivers) for problem in problems] if waivers.known else list(problems)
    left = [one for one in covered if one.violation.waived_by is None]
    violations = tuple(one.violation for one in sorted(covered, key=lambda one: one.violation.waived_by is not None))
    if not left:
        return replace(good, violations=violations) if violations else good
    worst = next(outcome for outcome in _WORST_FIRST if any(one.outcome is outcome for one in left))
    first = min((one for one in left if one.outcome is worst), key=lambda one: one.rank)
    told = [one for one in left if one.outcome is worst and one.lead == first.lead]
    waiting = [one.passes_at for one in left]
    return RuleAnswer(
        worst,
        f"{first.lead}{listed(dict.fromkeys(one.name for one in told))}.",
        good.required,
        first.remedy,
        evidence=tuple(sorted({evidence_id for one in told for evidence_id in one.evidence})),
        awaits=first.awaits,
        passes_at=latest(waiting) if worst is Outcome.PENDING else None,
        violations=violations,
    )


def latest(moments: Sequence[datetime | None]) -> datetime | None:
    """The last of the moments; None as soon as one of them is not known."""
    known = [moment for moment in moments if moment is not None]
    return max(known, default=None) if len(known) == len(moments) else None


def listed(things: Iterable[str]) -> str:
    """The first things by name, and how many more there are."""
    every = list(things)
    more = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _covered(problem: Problem, waivers: Waivers) -> Problem:
    if problem.violation.waived_by is not None or problem.outcome is Outcome.ERROR:
        return problem
    waiver = waivers.covering(problem.violation)
    return replace(problem, violation=problem.violation.model_copy(update={"waived_by": waiver})) if waiver else problem
