"""How far a vulnerability or a package reaches.

- A vulnerability is every advisory that has its id, or is joined to it by aliases, at any distance.
- What cannot be decided is a finding with its doubt, never a silent no.
- A waiver is shown beside a finding when every part that it names fits: artifact, component, vulnerability, and the
  severity it was granted for. Whether a gate lets it count, its policy decides at its time.
- What is known about exploitation is looked up under every name of a flaw; where they differ, the worse counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from contracts.circumstances import Exploitation, WaivedSubject
from contracts.vocabulary import Severity
from services.monitoring.domain.advisory import Advisory, worst
from services.monitoring.domain.matching import Answer, Match, Matcher, Undecided
from services.monitoring.domain.remediation import distinct


@dataclass(frozen=True, slots=True)
class Finding:
    """One component, and one flaw in it; without a flaw, a component that was asked for."""

    component: str
    advisory_id: str | None = None
    aliases: tuple[str, ...] = ()
    severity: Severity = Severity.UNKNOWN
    fixed_in: str | None = None
    summary: str = ""
    doubt: str | None = None
    """Why nobody can say whether it is affected."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every id of the flaw."""
        return (self.advisory_id, *self.aliases) if self.advisory_id else ()


@dataclass(frozen=True, slots=True)
class Visible:
    """What of all projects a caller may see."""

    everywhere: bool = False
    projects: frozenset[str] = frozenset()
    applications: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of projects that the caller may see some applications of."""

    @property
    def ranges(self) -> tuple[str | None, ...]:
        """The projects to look in, sorted; a single None for all that there are."""
        return (None,) if self.everywhere else tuple(sorted(self.projects | self.applications.keys()))

    def shows(self, project: str, application: str) -> bool:
        """Whether the caller may see this application."""
        if self.everywhere or project in self.projects:
            return True
        return application in self.applications.get(project, frozenset())


@dataclass(frozen=True, slots=True)
class HeldWaiver:
    """A waiver that was granted, and has not been revoked."""

    waiver_id: str
    project: str
    application: str
    policy: str
    rule: str
    stage: str
    subject: WaivedSubject
    max_severity: Severity | None
    reason: str
    expires_at: datetime

    def covers(self, finding: Finding, subjects: Collection[str], at: datetime) -> bool:
        """Whether it names what stands against a version with these subjects, and has not ended."""
        about = self.subject
        names = {name.upper() for name in finding.names}
        return (
            at < self.expires_at
            and bool(names)
            and about != WaivedSubject()
            and (about.artifact is None or about.artifact in subjects)
            and about.component in (None, finding.component)
            and (about.vulnerability is None or about.vulnerability.upper() in names)
            and _tolerates(self.max_severity, finding.severity)
        )


def spelled(vulnerability: str) -> tuple[str, ...]:
    """How databases write an id that somebody typed: as it is, and CVE and GHSA ids in their one form."""
    kind, dash, rest = vulnerability.strip().partition("-")
    match kind.upper():
        case "CVE":
            usual = f"CVE{dash}{rest}"
        case "GHSA":
            usual = f"GHSA{dash}{rest.lower()}"
        case _:
            usual = vulnerability
    return tuple(dict.fromkeys((vulnerability, usual)))


def joined_by_names(names: Collection[str], advisories: Iterable[Advisory]) -> frozenset[str]:
    """These names and every one that the advisories join to them."""
    found = set(names)
    groups = [{one.id, *one.aliases} for one in advisories]
    while more := set().union(*(group for group in groups if not group.isdisjoint(found))) - found:
        found |= more
    return frozenset(found)


def findings(purls: Iterable[str], advisories: Sequence[Advisory], *, clean: bool = False) -> tuple[Finding, ...]:
    """What the advisories say of these components, one finding per flaw; with `clean`, also where they say nothing."""
    matcher = Matcher(advisories)
    found: list[Finding] = []
    for purl in sorted(set(purls)):
        answers = matcher.answers(purl)
        mine = [*_sure(answers), *_doubtful(answers, advisories)]
        found += mine or ([Finding(purl)] if clean else [])
    return tuple(found)


def exploitation_of(names: Iterable[str], known: Mapping[str, Exploitation]) -> Exploitation | None:
    """What is known of a flaw under any of its names: of several, the one in the catalogue, then the highest score."""
    found = [known[name] for name in sorted(names) if name in known]
    return max(found, key=_alarm, default=None)


def _alarm(one: Exploitation) -> tuple[bool, bool, Decimal]:
    return one.exploited_since is not None, one.ransomware, Decimal(one.epss or 0)


def _sure(answers: Iterable[Answer]) -> list[Finding]:
    return [
        Finding(one.component, one.advisory_id, one.aliases, one.severity, one.fixed_in, one.summary)
        for one in distinct(answer for answer in answers if isinstance(answer, Match))
    ]


def _doubtful(answers: Sequence[Answer], advisories: Iterable[Advisory]) -> list[Finding]:
    known = {one.id: one for one in advisories}
    told = {name for one in answers if isinstance(one, Match) for name in (one.advisory_id, *one.aliases)}
    found: list[Finding] = []
    for answer in answers:
        if not isinstance(answer, Undecided):
            continue
        one = known[answer.advisory_id]
        names = {one.id, *one.aliases}
        if told.isdisjoint(names):
            told |= names
            doubt = answer.doubt.value
            found.append(Finding(answer.component, one.id, one.aliases, one.severity, None, one.summary, doubt))
    return found


def _tolerates(most: Severity | None, found: Severity) -> bool:
    # As gates have it: a waiver without a severity is for no vulnerability, and one that nobody rated may be any.
    if most is None:
        return False
    rated = Severity.UNKNOWN not in (most, found)
    return most in (found, Severity.CRITICAL) or (rated and worst((most, found)) is most)
