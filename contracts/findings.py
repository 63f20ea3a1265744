"""What a gate says of each rule: enough for a person to act on and for a program to recompute."""

from __future__ import annotations

from contracts.vocabulary import Digest, Frozen, GateKind, Mode, Outcome, PolicyName, StageName


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
    """Ids of the evidence that decided it, sorted."""
    awaits: str | None = None
    """For `pending`: the fact kind or predicate type that may still arrive (`approval`, `tests`, a URI)."""
