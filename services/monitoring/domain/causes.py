"""What stands against a release: flaws, distrusted evidence, rules that would not admit it any more, a revocation.

- A cause that can go says how bad it is, since when, and what it is called: deadlines and alerts are made of that.
- Distrusted evidence and failing rules count as a flaw of high severity.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field

from contracts.alerting import AlertKind
from contracts.vocabulary import Actor, Digest, Frozen, Outcome, Severity, Text, Utc
from services.monitoring.domain.deadlines import Standing
from services.monitoring.domain.matching import Match


def rule_name(policy: str, rule: str, stage: str) -> str:
    """What a rule of a policy at a stage is called."""
    return f"{policy}/{rule}@{stage}"


class VulnerabilityCause(Frozen):
    """A component of the release is affected by a flaw."""

    kind: Literal["vulnerability"] = "vulnerability"
    match: Match
    since: Utc
    """When it was first matched against this release."""


class DistrustCause(Frozen):
    """Evidence that the release was admitted on was signed by keys that are not trusted any more."""

    kind: Literal["distrust"] = "distrust"
    evidence_id: str
    content_digest: Digest
    predicate_type: str
    trust_root: str
    trust_root_revision: int
    since: Utc
    """When it was judged again."""


class RuleCause(Frozen):
    """A rule of the policies that admitted the release does not let it pass any more."""

    kind: Literal["rule"] = "rule"
    policy: str
    rule: str
    stage: str
    title: str
    outcome: Outcome
    observed: str
    remedy: str = ""
    ended_waivers: tuple[str, ...] = ()
    since: Utc
    """When the gate first found it to fail."""

    @property
    def name(self) -> str:
        """What people call it, and its alert is made of."""
        return rule_name(self.policy, self.rule, self.stage)


class RevocationCause(Frozen):
    """Somebody took the trust away."""

    kind: Literal["revocation"] = "revocation"
    reason: Text
    by: Actor
    since: Utc


Cause = Annotated[VulnerabilityCause | DistrustCause | RuleCause | RevocationCause, Field(discriminator="kind")]


def standing_flaw(cause: VulnerabilityCause, exploited: Collection[str]) -> Standing:
    """A flaw as deadlines and alerts see it; `exploited` are the ids in the catalogue (KEV)."""
    ids = tuple(sorted({cause.match.advisory_id, *cause.match.aliases}))
    return Standing(
        kind=AlertKind.VULNERABILITY,
        component=cause.match.component,
        ids=ids,
        severity=cause.match.severity,
        exploited=any(name in exploited for name in ids),
        since=cause.since,
        summary=cause.match.summary,
        fixed_in=cause.match.fixed_in,
    )


def standing_distrust(cause: DistrustCause) -> Standing:
    """Distrusted evidence as deadlines and alerts see it."""
    return Standing(
        kind=AlertKind.DISTRUST,
        component="",
        ids=(cause.evidence_id,),
        severity=Severity.HIGH,
        exploited=False,
        since=cause.since,
        summary=f"Its signers are not trusted any more, since {cause.trust_root} changed.",
    )


def standing_rule(cause: RuleCause) -> Standing:
    """A failing rule as deadlines and alerts see it."""
    ended = f"It was carried by {', '.join(cause.ended_waivers)}, which ended." if cause.ended_waivers else ""
    observed = f"{cause.title}: {cause.observed.rstrip('.')}."
    return Standing(
        kind=AlertKind.RULE,
        component="",
        ids=(cause.name,),
        severity=Severity.HIGH,
        exploited=False,
        since=cause.since,
        summary=" ".join(said for said in (observed, ended, cause.remedy) if said),
    )
