"""What a gate says of each rule: enough for a person to act on and for a program to recompute."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.vocabulary import (
    ActorKind,
    Digest,
    Frozen,
    GateKind,
    Mode,
    Outcome,
    PolicyName,
    Purl,
    Severity,
    StageName,
    Utc,
)


class Violation(Frozen):
    """One thing that stands against a version under one rule, named so that a waiver can cover exactly it."""

    says: str
    """What is wrong, in a few words."""
    artifact: Digest | None = None
    """The artifact, or the version itself."""
    component: Purl | None = None
    vulnerability: str | None = None
    severity: Severity | None = None
    evidence: str | None = None
    """Id of the evidence that says so."""
    waived_by: str | None = None
    """Id of the waiver that covers it."""


class Finding(Frozen):
    """One rule's answer."""

    policy: PolicyName
    policy_digest: Digest
    rule: str
    """The rule's id inside its policy."""
    title: str
    gate: GateKind
    stage: StageName
    mode: Mode
    outcome: Outcome
    observed: str
    """What was there, in one sentence."""
    required: str
    """What the rule asks for, in one sentence."""
    remedy: str = ""
    """What to do next, in one sentence; empty when the rule passed."""
    evidence: tuple[str, ...] = ()
    """Ids of the evidence that decided it, sorted; at most 50, and fewer where a verdict would get too long."""
    evidence_count: int = 0
    """All of it."""
    awaits: str | None = None
    """For `pending`: the fact kind or predicate type that may still arrive (`approval`, `tests`, a URI)."""
    passes_at: Utc | None = None
    """For `pending`: when time alone will let it pass, as after a soak; None when something has to arrive."""
    violations: tuple[Violation, ...] = ()
    """What stands against it, waived or not: at most 50, those that still count first; fewer where a verdict would get
    too long."""
    violation_count: int = 0
    """All of them."""
    waived: tuple[str, ...] = ()
    """Ids of the waivers without which the rule would not let it pass. `outcome` says what the rule itself answers."""
    effective_on: Utc | None = None
    """The rule begins to count then, and is only announced until then: it is shown in mode `warn`."""
    approver_kinds: Annotated[tuple[ActorKind, ...], Field(exclude_if=lambda kinds: not kinds)] = ()
    """Whose approval counts, where it is not people's alone. Left out when it is."""
    parts: tuple[Finding, ...] = ()
    """Of a combined rule (`all_of`, `any_of`): what each of its rules says."""

    @property
    def lets_pass(self) -> bool:
        """Whether the gate may open as far as this rule is concerned."""
        return self.outcome is Outcome.ALLOW or bool(self.waived)
