"""What to fix first: which step removes most risk.

- The risk of one flaw in one component of one version is a product of four numbers (`FORMULA`); risks add up.
- A step is another version of one component, wherever it is in. Its worth is the risk before it minus the risk after
  it: the new version is matched against every known advisory of the package, and what that brings along is taken off.
- Versions to go to are those that a known flaw of the component names as fixed: of these the twelve highest are tried,
  and the lowest of those that leave least risk is taken. Where none leaves less than before there is no step.
- Flaws below the threshold of trust count for nothing here either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from packageurl import PackageURL

from contracts.circumstances import Exploitation
from contracts.vocabulary import Criticality, Severity
from services.monitoring.domain.advisory import Advisory, reaches
from services.monitoring.domain.exposure import exploitation_of
from services.monitoring.domain.matching import Match, Matcher, matches_among
from services.monitoring.domain.ordering import newer_than
from services.monitoring.domain.packages import package_version
from services.monitoring.domain.remediation import distinct
from services.monitoring.domain.sla import due

SEVERITY_WEIGHT = {
    Severity.CRITICAL: 10.0,
    Severity.HIGH: 7.0,
    Severity.MEDIUM: 4.0,
    Severity.LOW: 1.0,
    Severity.UNKNOWN: 7.0,
    Severity.NONE: 0.0,
}
CRITICALITY_WEIGHT = {
    Criticality.CRITICAL: 4.0,
    Criticality.HIGH: 3.0,
    Criticality.MEDIUM: 2.0,
    Criticality.LOW: 1.0,
    Criticality.UNSPECIFIED: 2.0,
}
IN_KEV, PER_EPSS, OVERDUE, DUE_SOON = 5.0, 4.0, 3.0, 2.0
SOON = timedelta(days=7)
FORMULA = (
    "severity (critical 10, high 7, medium 4, low 1, unknown 7) x criticality of the application (critical 4, high 3,"
    " medium 2, low 1, unspecified 2) x exploitation (1, and 5 more in the KEV catalogue, and 4 x EPSS more)"
    " x urgency (3 past the deadline, 2 within seven days of it, else 1)"
)
_MOST_TRIED = 12


@dataclass(frozen=True, slots=True)
class Burden:
    """One flaw in one component of one version."""

    application: str
    version: str
    criticality: Criticality
    match: Match
    since: datetime

    @property
    def release(self) -> str:
        """`application/version`."""
        return f"{self.application}/{self.version}"

    @property
    def due(self) -> datetime:
        """By when it must be gone."""
        return due(self.criticality, self.match.severity, self.since)


@dataclass(frozen=True, slots=True)
class Score:
    """The risk of one burden, with the numbers it is the product of."""

    burden: Burden
    severity: float
    criticality: float
    exploitation: float
    urgency: float
    exploited: bool
    """Whether the flaw is in the catalogue of known exploited vulnerabilities."""
    epss: float | None

    @property
    def risk(self) -> float:
        """The product."""
        return self.severity * self.criticality * self.exploitation * self.urgency


@dataclass(frozen=True, slots=True)
class World:
    """What is publicly known, and the time."""

    advisories: Sequence[Advisory]
    """Every one that names a package of the burdens."""
    exploitation: Mapping[str, Exploitation]
    now: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """Another version of one component, and what that is worth."""

    component: str
    to_version: str | None
    scores: tuple[Score, ...]
    """Of the burdens that the component carries now, the highest first."""
    removes: float

    @property
    def risk(self) -> float:
        """The risk that the component carries now."""
        return sum(one.risk for one in self.scores)

    @property
    def deadline(self) -> datetime:
        """The earliest of its burdens."""
        return min(one.burden.due for one in self.scores)


def plan(burdens: Iterable[Burden], world: World) -> tuple[Step, ...]:
    """Every component that carries risk, the step that removes most first; of equal ones the earliest deadline."""
    by_component: dict[str, list[Burden]] = {}
    for burden in burdens:
        by_component.setdefault(burden.match.component, []).append(burden)
    matcher = Matcher(world.advisories)
    steps = [_step(component, mine, world, matcher) for component, mine in by_component.items()]
    return tuple(sorted(steps, key=lambda one: (-one.removes, -one.risk, one.deadline, one.component)))


def score(burden: Burden, world: World) -> Score:
    """The risk of one burden."""
    names = (burden.match.advisory_id, *burden.match.aliases)
    known = exploitation_of(names, world.exploitation)
    exploited = known is not None and known.exploited_since is not None
    epss = float(known.epss) if known and known.epss else None
    left = burden.due - world.now
    return Score(
        burden=burden,
        severity=SEVERITY_WEIGHT[burden.match.severity],
        criticality=CRITICALITY_WEIGHT[burden.criticality],
        exploitation=1.0 + IN_KEV * exploited + PER_EPSS * (epss or 0.0),
        urgency=OVERDUE if left < timedelta() else DUE_SOON if left <= SOON else 1.0,
        exploited=exploited,
        epss=epss,
    )


def at_version(purl: str, version: str) -> str:
    """The package URL of the same component in another version."""
    return PackageURL.from_string(purl)._replace(version=version).to_string()


def _step(component: str, burdens: Sequence[Burden], world: World, matcher: Matcher) -> Step:
    scores = tuple(sorted((score(one, world) for one in burdens), key=lambda one: (-one.risk, one.burden.release)))
    before = sum(one.risk for one in scores)
    package = package_version(component)
    fixes = sorted({one.match.fixed_in for one in burdens if one.match.fixed_in})
    best, left = None, before
    for version in newer_than(package.key.ecosystem, package.version or "", fixes)[-_MOST_TRIED:]:
        moved = matches_among(matcher.answers(at_version(component, version)))
        after = _left_with(moved, burdens, world)
        if after < left:
            best, left = version, after
    return Step(component, best, scores, before - left)


def _left_with(moved: Iterable[Match], burdens: Sequence[Burden], world: World) -> float:
    """The risk that the component would carry with these matches."""
    matches = [one for one in distinct(moved) if reaches(one.severity, Severity.LOW)]
    since = {(one.release, name): one.since for one in burdens for name in (one.match.advisory_id, *one.match.aliases)}
    risk = 0.0
    for carrier in {one.release: one for one in burdens}.values():
        for match in matches:
            began = since.get((carrier.release, match.advisory_id), world.now)
            moved_on = Burden(carrier.application, carrier.version, carrier.criticality, match, began)
            risk += score(moved_on, world).risk
    return risk
