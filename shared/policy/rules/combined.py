"""Rules made of rules: every one of them has to hold, or any one.

- `any_of` allows as soon as one of its rules allows; `all_of` as soon as all of them do.
- Of what is left of `any_of` the most hopeful holds: pending, then denied, then not judged. Of `all_of` the worst.
- A part that a waiver lets pass counts as passed; the combined rule then needed that waiver, unless it had another way.
  Where that is not enough, the combined rule answers with what is left, as a simple rule does.
- Waivers are granted for the parts. A combined rule that is not waivable makes none of its parts waivable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from contracts.findings import Finding
from contracts.vocabulary import Outcome
from shared.policy.rules.rule import RuleHead, latest, listed

if TYPE_CHECKING:
    from shared.policy.rules import Rule

_ALL_ORDER = (Outcome.ERROR, Outcome.DENY, Outcome.PENDING)
_ANY_ORDER = (Outcome.PENDING, Outcome.DENY, Outcome.ERROR)


MAX_DEPTH = 4
"""How many combined rules may lie inside each other: nobody can follow more, and readers must not be exhausted."""


def _not_deeper(rule: AllOf | AnyOf) -> None:
    if _depth(rule) > MAX_DEPTH:
        raise ValueError(f"at most {MAX_DEPTH} combined rules can lie inside each other")


def _depth(rule: AllOf | AnyOf) -> int:
    return 1 + max((_depth(one) for one in rule.rules if isinstance(one, AllOf | AnyOf)), default=0)


class AllOf(RuleHead):
    """What people write for rules that all have to hold; useful inside of `any_of`."""

    kind: Literal["all_of"]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _not_too_deep(self) -> Self:
        _not_deeper(self)
        return self


class AnyOf(RuleHead):
    """What people write for rules of which one has to hold."""

    kind: Literal["any_of"]
    rules: Annotated[tuple[Rule, ...], Field(min_length=2, max_length=20)]

    @model_validator(mode="after")
    def _not_too_deep(self) -> Self:
        _not_deeper(self)
        return self


@dataclass(frozen=True, slots=True)
class Part:
    """What one of the rules says, and until when."""

    finding: Finding
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Combination:
    """What the parts say together."""

    outcome: Outcome
    """Without any waiver where waivers let it pass, else of what they leave."""
    waived: tuple[str, ...]
    observed: str
    required: str
    remedy: str
    awaits: str | None
    valid_until: datetime | None
    passes_at: datetime | None


def combine(rule: AllOf | AnyOf, parts: Sequence[Part]) -> Combination:
    """The answer of a combined rule, from those of its parts."""
    every = isinstance(rule, AllOf)
    order = _ALL_ORDER if every else _ANY_ORDER
    findings = [part.finding for part in parts]
    bare = {finding.outcome for finding in findings}
    plain = bare == {Outcome.ALLOW} if every else Outcome.ALLOW in bare
    passing = [part for part in parts if part.finding.lets_pass]
    opens = len(passing) == len(parts) if every else bool(passing)
    failing = [finding for finding in findings if not finding.lets_pass]
    answers = bare if opens else {finding.outcome for finding in failing}
    outcome = Outcome.ALLOW if plain else next(one for one in order if one in answers)
    if opens and not every:
        # The way that needs no waiver, or else the first one that does.
        passing = [part for part in passing if not part.finding.waived] or passing[:1]
    waived = sorted({one for part in passing for one in part.finding.waived}) if opens and not plain else []
    told = [finding for finding in failing if finding.outcome is outcome] or failing
    counted = f"{len(findings) - len(failing)} of {len(findings)} hold"
    ends = [part.valid_until for part in passing]
    stopping = [] if plain else told
    waiting = [one.passes_at for one in stopping if one.outcome is Outcome.PENDING]
    known = [moment for moment in waiting if moment is not None]
    return Combination(
        outcome,
        tuple(waived),
        counted + "".join(f"; {one.title}: {one.observed.removesuffix('.')}" for one in told[:3]) + ".",
        f"{'All' if every else 'One'} of these: {listed(one.title for one in findings)}.",
        (" " if every else " Or: ").join(dict.fromkeys(one.remedy for one in stopping[:3] if one.remedy)),
        next((one.awaits for one in stopping if one.awaits and one.awaits != "approval"), None)
        or next((one.awaits for one in stopping if one.awaits), None),
        min((one for one in ends if one), default=None) if every else latest(ends),
        (latest(waiting) if every else min(known, default=None)) if waiting else None,
    )
