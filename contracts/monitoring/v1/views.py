"""How monitoring describes risk and delivery."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.message import Answer
from contracts.monitoring.v1.feeds import AdvisoryStanding
from contracts.monitoring.v1.vex import ExcusedCause
from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    Digest,
    Frozen,
    Outcome,
    PolicyName,
    ProjectName,
    Purl,
    Severity,
    StageName,
    Trust,
    TrustRootName,
    Utc,
    VersionName,
)


class RiskCause(Frozen):
    """One reason why a release is at risk."""

    advisory: str
    aliases: tuple[str, ...] = ()
    component: Purl
    severity: Severity
    summary: str = ""
    fixed_in: str | None = None
    """The lowest version of the component that is not affected."""
    since: Utc
    due: Utc
    """By when it must be dealt with, from criticality, severity and exploitation."""
    exploited: Annotated[bool, Field(exclude_if=lambda value: not value)] = False
    """In the catalogue of known exploited vulnerabilities. Left out when it is not."""


class DistrustedEvidence(Frozen):
    """Evidence that a release was admitted on and that keys signed which are not trusted any more."""

    evidence_id: str
    predicate_type: str
    trust_root: TrustRootName
    trust_root_revision: int
    since: Utc
    due: Utc
    """By when the release must have passed its gate again, as for a flaw of high severity."""


class FailedRule(Frozen):
    """A rule of the policies that admitted a release and that does not let it pass any more."""

    policy: PolicyName
    rule: str
    stage: StageName
    title: str
    outcome: Outcome
    observed: str
    """What is there now, in one sentence."""
    remedy: str = ""
    ended_waivers: tuple[str, ...] = ()
    """Ids of the waivers that carried it and are over."""
    since: Utc
    due: Utc
    """By when it must let the release pass again, as for a flaw of high severity."""


class TrustStep(Frozen):
    """One change of the trust in a release."""

    from_trust: Trust
    to_trust: Trust
    because: str
    at: Utc
    by: str | None = None
    """Who revoked it; None when facts alone changed it."""


class ReleaseTrust(Answer):
    """Whether one release may still be relied on."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    stage: StageName
    current: bool
    """True while it is the version that stands in the release stage."""
    trust: Trust
    since: Utc
    criticality: Criticality
    owners: tuple[str, ...]
    causes: tuple[RiskCause, ...] = ()
    """The most urgent ones first; at most 10 in a list of releases, 100 for a single one."""
    cause_count: int = 0
    """How many there are."""
    distrusted: tuple[DistrustedEvidence, ...] = ()
    """Evidence behind its admission that has been distrusted since, the oldest first; at most 100."""
    rules: tuple[FailedRule, ...] = ()
    """Rules that admitted it and would not any more, the oldest first; at most 50."""
    excused: tuple[ExcusedCause, ...] = ()
    """What was found and does not count, because VEX that is believed says so; at most as many as of the causes."""
    excused_count: int = 0
    """How many there are."""
    deadline: Utc | None = None
    """The earliest of the causes, of the distrusted evidence and of the rules."""
    revoked_because: str | None = None
    """The reason that was given; None while it is not revoked."""
    components: int
    """Components under watch; 0 means that no bill of materials is known and nothing can be found."""
    steps: tuple[TrustStep, ...] = ()
    """How its trust has changed, the oldest first; the newest 100. Left out of lists."""
    imports: AdvisoryStanding | None = None
    """How much it is worth that nothing more was found. Left out of lists, which say it once."""


class RiskPage(Answer):
    """Releases, those with the nearest deadline first."""

    releases: tuple[ReleaseTrust, ...]
    advisories: int
    """How many advisories are known."""
    last_import: Utc | None
    imports: AdvisoryStanding = AdvisoryStanding()
    """How much it is worth that nothing more was found."""
    next: str | None = None


class Metric(Frozen):
    """One delivery metric with its formula and the facts at hand."""

    name: str
    value: float | None
    """None when there are no facts to compute it from."""
    unit: str
    formula: str
    numerator: float | None = None
    denominator: float | None = None
    band: str | None = None
    facts: tuple[str, ...] = ()
    """Ids of the facts used, at most 100."""
    fact_count: int = 0
    note: str = ""
    p90: float | None = None
    """The 90th percentile, of metrics whose value is a median."""
    relative_error: float = 0.0
    """The most by which a median and a 90th percentile can differ from the exact ones, as a share of them."""


class DeliveryMetrics(Answer):
    """The five delivery metrics over one window."""

    project: ProjectName
    application: ApplicationName | None
    since: Utc
    until: Utc
    metrics: tuple[Metric, ...]
