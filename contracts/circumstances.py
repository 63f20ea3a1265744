"""What a gate's decision reads besides policies and evidence: everything about the version that was so at the time.

A verdict pins its circumstances, so that it can be given again elsewhere and later.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.vocabulary import (
    ApplicationName,
    Artifact,
    Digest,
    Frozen,
    PolicyName,
    PromotionKind,
    Purl,
    Severity,
    SourceCommit,
    StageName,
    Text,
    Utc,
    VersionName,
)

VulnerabilityId = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ContainedVersion(Frozen):
    """A version that the judged one contains, at whatever depth."""

    application: ApplicationName
    version: VersionName
    digest: Digest
    artifacts: tuple[Digest, ...]
    nested: tuple[Digest, ...] = ()
    """Digests of the versions that it contains itself."""


class StagePassage(Frozen):
    """A version entered a stage: by that, it had passed the gates on the way."""

    kind: PromotionKind
    from_stage: StageName | None
    to_stage: StageName
    release: bool
    at: Utc
    promotion_id: str
    waivers: tuple[str, ...] = ()
    """Ids of the waivers that the verdict behind it needed."""


class IncidentFacts(Frozen):
    """Something that failed in production."""

    incident_id: str
    version: VersionName | None
    """None when it was not said which version failed: it may have been this one."""
    opened_at: Utc
    resolved_at: Utc | None = None


class Exploitation(Frozen):
    """What is publicly known about the use of one vulnerability by attackers."""

    vulnerability: VulnerabilityId
    exploited_since: Utc | None = None
    """When it came into the catalogue of known exploited vulnerabilities (KEV); None while it is not in there."""
    remedy_due: Utc | None = None
    """The catalogue's own deadline."""
    ransomware: bool = False
    epss: Annotated[str, StringConstraints(pattern=r"^(0(\.[0-9]{1,12})?|1(\.0{1,12})?)$")] | None = None
    """Probability of exploitation within 30 days (EPSS), 0 to 1 as a decimal text; None when there is no score."""
    epss_model: str = ""
    """The model and day of the score: scores of different models are not comparable."""


class WaivedSubject(Frozen):
    """What a waiver is for: every part that is given must match what stands against the version. At least one is."""

    artifact: Digest | None = None
    """An artifact, or the version itself, by digest."""
    component: Purl | None = None
    vulnerability: VulnerabilityId | None = None


class WaiverFacts(Frozen):
    """A waiver in force: for one rule and subject and stage of one application, until it expires."""

    waiver_id: str
    policy: PolicyName
    rule: str
    stage: StageName
    subject: WaivedSubject
    max_severity: Severity | None = None
    """Of vulnerabilities: a worse one is not covered, so a severity that rises after the grant reopens the gate."""
    reason: Text
    requested_by: str
    approved_by: str
    granted_at: Utc
    expires_at: Utc


class Circumstances(Frozen):
    """The version's origin, composition and way so far, and what the world knew."""

    artifacts: tuple[Artifact, ...] = ()
    """The version's own artifacts, sorted by digest."""
    source: SourceCommit | None = None
    registered_by: str = ""
    registered_at: Utc | None = None
    contained: tuple[ContainedVersion, ...] = ()
    """Every version in it, sorted by digest."""
    unknown: tuple[Digest, ...] = ()
    """Contained versions that the gate has not heard of: what they are made of cannot be judged."""
    passed: tuple[StagePassage, ...] = ()
    """Oldest first."""
    current: dict[StageName, VersionName] = Field(default_factory=dict)
    """Which version of the application stands in each stage."""
    incidents: tuple[IncidentFacts, ...] = ()
    """Of the application, those that concern this version or nobody knows which; by time, then id."""
    exploitation: tuple[Exploitation, ...] = ()
    """Of the vulnerabilities that evidence names, sorted by id."""
    waivers: tuple[WaiverFacts, ...] = ()
    """In force for this application, sorted by id."""
