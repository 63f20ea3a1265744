"""What holds at every gate without anybody writing it down.

- A gate that the lifecycle does not declare open needs a blocking policy.
- A gate that has not received all recorded evidence does not judge.
- A version is not judged while it is not known what the versions in it are made of.
- These findings name the policy `hallmark`; their rule ids have an underscore, which no written rule's id can have.
"""

from __future__ import annotations

from contracts.findings import Finding
from contracts.vocabulary import Digest, Frozen, GateKind, Mode, Outcome, PolicyName, StageName
from shared.digests import canonical_digest

HOUSE_POLICY: PolicyName = "hallmark"
HOUSE_POLICY_DIGEST: Digest = canonical_digest([])
"""Digest of the empty list of policies: findings must name one, and no document stands behind these."""


class Passage(Frozen):
    """One gate on the way; `open` when the lifecycle declares that it needs no policy."""

    stage: StageName
    gate: GateKind
    open: bool = False


def no_policy(passage: Passage) -> Finding:
    """The denial of a gate that no blocking policy governs."""
    return _finding(
        passage,
        Outcome.DENY,
        rule="no_policy",
        title="Every gate has a policy",
        observed=f"No policy in mode block governs the {passage.gate} gate of {passage.stage}.",
        required="At least one policy in mode block governs the gate, or the lifecycle declares it open.",
        remedy=f"Apply a policy for it, or list `{passage.gate}` under `open` of the stage {passage.stage}.",
    )


def dossier_behind(passage: Passage, digests: tuple[Digest, ...]) -> Finding:
    """The waiting of a gate that lacks recorded evidence about `digests`."""
    return _finding(
        passage,
        Outcome.PENDING,
        rule="dossier_behind",
        title="All recorded evidence is known to the gate",
        observed=f"Evidence that was recorded about {', '.join(digests[:3])} has not reached the gate yet.",
        required="The gate holds every piece of evidence that was recorded before the request.",
        remedy="Wait; if this lasts, see whether the evidence service and the gate are running.",
        awaits="evidence",
    )


def contents_unknown(passage: Passage, digests: tuple[Digest, ...]) -> Finding:
    """The waiting of a gate that does not know what the versions `digests` inside of the judged one are made of."""
    return _finding(
        passage,
        Outcome.PENDING,
        rule="contents_unknown",
        title="It is known what every contained version is made of",
        observed=f"The gate has not heard of the contained version(s) {', '.join(digests[:3])}.",
        required="Every contained version is known, with its artifacts.",
        remedy="Wait; if this lasts, see whether the contained version belongs to a project that exists here.",
        awaits="version",
    )


def _finding(passage: Passage, outcome: Outcome, **said: str) -> Finding:
    return Finding.model_validate(
        {
            "policy": HOUSE_POLICY,
            "policy_digest": HOUSE_POLICY_DIGEST,
            "gate": passage.gate,
            "stage": passage.stage,
            "mode": Mode.BLOCK,
            "outcome": outcome,
            **said,
        }
    )
