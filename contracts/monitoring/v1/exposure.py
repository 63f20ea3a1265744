"""How far a vulnerability or a package reaches, and what to fix first."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from contracts.circumstances import Exploitation, VulnerabilityId
from contracts.message import Answer, PageLimit, Query
from contracts.monitoring.v1.running import RunningService
from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    Digest,
    Frozen,
    PolicyName,
    ProjectName,
    Purl,
    Severity,
    StageName,
    Trust,
    Utc,
    VersionName,
)

VersionBounds = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Cursor = Annotated[str, StringConstraints(max_length=2000)]


class ExposedFlaw(Frozen):
    """One flaw that findings of this answer are about."""

    advisory: str
    aliases: tuple[str, ...] = ()
    """At most 20."""
    severity: Severity
    summary: str = ""
    exploitation: Exploitation | None = None
    """The newest that is known under any of its names; None when nothing is."""


class WaiverInForce(Frozen):
    """An exception that a gate makes for this finding, until it ends."""

    waiver_id: str
    policy: PolicyName
    rule: str
    stage: StageName
    expires_at: Utc
    reason: str


class ExposureFinding(Frozen):
    """One component of a version, and one flaw in it."""

    component: Purl
    advisory: str | None
    """A flaw of `flaws`; None for a component that was asked for and has no known flaw."""
    fixed_in: str | None = None
    """The lowest version that is not affected."""
    doubt: str | None = None
    """Why nobody can say whether it is affected; None when it is."""
    since: Utc | None = None
    """When it was first matched; None for versions that are no releases."""
    due: Utc | None = None
    waivers: tuple[WaiverInForce, ...] = ()
    """At most 5, those that last longest first."""


class ExposedVersion(Frozen):
    """A version that contains what was asked about."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    stage: StageName | None
    """The stage that it entered last; None when it has entered none."""
    current_in: tuple[StageName, ...] = ()
    """The stages whose current version it is."""
    release: bool
    """Whether it has ever been released."""
    trust: Trust
    criticality: Criticality
    owners: tuple[str, ...] = ()
    deployments: tuple[RunningService, ...] = ()
    """Where it runs; at most 20."""
    deployment_count: int = 0
    findings: tuple[ExposureFinding, ...] = ()
    """At most 10, the most urgent ones first."""
    finding_count: int = 0
    deadline: Utc | None = None
    """The earliest of all its findings' deadlines."""


class ExposureTotals(Frozen):
    """How far it reaches, over everything that the caller may see."""

    projects: int
    applications: int
    versions: int
    releases: int
    """Versions among them that are the current version of a stage."""
    deployments: int
    """Services that run one of these versions."""
    components: int
    """Distinct package URLs."""
    exact: bool
    """False: there are at least so many; counting ends at a bound."""


class Exposure(Answer):
    """Where a vulnerability or a package is."""

    advisories: int
    """Advisories that say something of it; 0 for a vulnerability means that nobody can say what it affects."""
    names: tuple[str, ...] = ()
    """Every id under which the vulnerability is known; at most 50."""
    packages: tuple[str, ...] = ()
    """The packages that were looked for, as `ecosystem:name`; at most 100."""
    flaws: tuple[ExposedFlaw, ...] = ()
    """Those that `versions` name, each once."""
    versions: tuple[ExposedVersion, ...] = ()
    totals: ExposureTotals | None = None
    """On the first page."""
    next: str | None = None
    """Pass as `after` to read on, also after a page with fewer versions than asked for; None at the end."""


class ShowExposure(Query):
    """Which versions of all projects that the caller may see contain this vulnerability, or this package?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.exposure.show.v1"
    answer: ClassVar[type[Answer]] = Exposure
    vulnerability: VulnerabilityId | None = None
    """Any of its ids. Either this or `package`."""
    package: Purl | None = None
    """With a version: that one alone. Without: every version, or those inside `bounds`."""
    bounds: VersionBounds | None = None
    """Of the package's versions: comparisons that must all hold, such as `>=4.0.0,<4.17.21`."""
    project: ProjectName | None = None
    application: ApplicationName | None = None
    """Only together with `project`."""
    after: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=50)] = 25
    count_to: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    """Totals count that far; what goes beyond makes them inexact."""


class ScorePart(Frozen):
    """The risk of one flaw in one component of one version: the product of the four."""

    application: ApplicationName
    version: VersionName
    advisory: str
    severity: Severity
    severity_weight: float
    criticality_weight: float
    exploitation_factor: float
    urgency_factor: float
    score: float


class Fix(Frozen):
    """One step that removes risk: another version of one component, wherever it is in."""

    component: Purl
    to_version: str | None
    """The lowest of those versions that leave least risk; None when no known version leaves less."""
    removes: float
    """The risk that is gone after it, what the new version brings along already taken off."""
    risk: float
    """The risk that this component carries now."""
    advisories: tuple[str, ...] = ()
    """The flaws that it ends, or for which nothing is known to help; at most 20."""
    advisory_count: int
    severity: Severity
    """The worst of them."""
    exploited: bool
    """Whether one of them is in the catalogue of known exploited vulnerabilities (KEV)."""
    epss: float | None = None
    """The highest exploitation probability (EPSS) of them."""
    deadline: Utc | None = None
    """The earliest of them."""
    releases: tuple[str, ...] = ()
    """`application/version`, at most 20."""
    release_count: int
    parts: tuple[ScorePart, ...] = ()
    """The highest scores that `risk` is the sum of; at most 10."""


class RemediationPlan(Answer):
    """What to fix first: each step with the risk that it removes, the most first."""

    fixes: tuple[Fix, ...]
    fix_count: int
    risk: float
    """The sum over all findings of all releases that stand or run."""
    unfixable: float
    """What of it would be left after every step."""
    releases: int
    """Releases that carry risk and stand or run."""
    complete: bool
    """False: more releases carry risk than are looked at in one answer, the most urgent ones were."""
    formula: str
    next: str | None = None


class PlanRemediation(Query):
    """What should a project, or one application, fix first?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.remediation.plan.v1"
    answer: ClassVar[type[Answer]] = RemediationPlan
    project: ProjectName
    application: ApplicationName | None = None
    after: Cursor | None = None
    """The component of the last step that is known."""
    limit: PageLimit = 20
