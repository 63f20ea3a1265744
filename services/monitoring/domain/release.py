"""One release under watch: what it consists of, how far it is trusted, and until when its flaws must be gone.

- Its subjects are the version's digest, its artifacts, and those of every version it contains.
- Of each subject the newest verified bill of materials counts, and no other.
- Records of several databases that name each other are one flaw: reported once per component, since the earliest time
  that any of them was matched.
- The business context is the newest that anybody stated: the application's, or the release's own.
- A component whose package URL cannot be read meets no advisory: it is not counted as watched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from contracts.vocabulary import Criticality, Digest, SourceCommit, Trust
from services.monitoring.domain.causes import (
    RevocationCause,
    VulnerabilityCause,
    standing_distrust,
    standing_flaw,
    standing_rule,
)
from services.monitoring.domain.deadlines import Deadline, Standing, Terms, counted
from services.monitoring.domain.packages import PackageKey, component_of
from services.monitoring.domain.remediation import distinct
from services.monitoring.domain.sla import SlaTable
from services.monitoring.domain.trust import TrustState, trusted_again, untrusted
from services.monitoring.domain.vex import Excused
from shared.errors import Invalid

KEPT_STEPS = 100
"""Changes of trust that are kept with a release; the log has all of them."""


@dataclass(frozen=True, slots=True)
class Sbom:
    """One verified bill of materials on record."""

    key: str
    project: str
    evidence_id: str
    subjects: tuple[Digest, ...]
    made_at: datetime
    components: int
    """Components under watch."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the business says of an application."""

    criticality: Criticality
    owners: tuple[str, ...]
    stated_at: datetime


@dataclass(frozen=True, slots=True)
class TrustStep:
    """One change of the trust in a release."""

    from_trust: Trust
    to_trust: Trust
    because: str
    at: datetime
    by: str | None = None
    """Who revoked it; None when facts alone changed it."""


@dataclass(frozen=True, slots=True)
class Release:
    """A version that was released once, and is watched ever after."""

    project: str
    application: str
    version: str
    version_digest: Digest
    stage: str
    own_subjects: tuple[Digest, ...]
    """The version's digest and its artifacts."""
    context: Context
    source: SourceCommit | None
    released_at: datetime
    """When it last passed the release gate."""
    state: TrustState
    current: bool = False
    subjects: tuple[Digest, ...] = ()
    """All of them, contained versions included."""
    sboms: tuple[str, ...] = ()
    """Keys of the bills of materials that count."""
    components: int = 0
    evidence: tuple[Digest, ...] = ()
    """Content digests of the evidence that its newest admission rests on."""
    waived: tuple[str, ...] = ()
    """Names of the rules that let it pass by waivers only, as the gate said last."""
    excused: tuple[Excused, ...] = ()
    """What was matched and does not count, because of VEX; not among the causes of its state."""
    steps: tuple[TrustStep, ...] = ()
    """How its trust has changed so far, the oldest first; the newest `KEPT_STEPS`."""
    deadlines: tuple[Deadline, ...] = ()
    """Of each cause that stands against it, as they were computed when it was last kept."""
    stale: bool = False
    """Whether its deadlines are to be computed again: the table is another, or what is known of exploitation."""
    revision: int = 0

    @property
    def key(self) -> str:
        """What the release is stored under."""
        return f"{self.project}/{self.application}/{self.version}"

    @property
    def flaws(self) -> tuple[VulnerabilityCause, ...]:
        """The vulnerabilities that stand against it, one per flaw and component."""
        return joined(self.state.vulnerabilities)

    @property
    def deadline(self) -> datetime | None:
        """The earliest moment by which a cause must be gone; None without causes."""
        return min((one.due for one in self.deadlines), default=None)

    @property
    def dues(self) -> Mapping[tuple[str, str], Deadline]:
        """Its deadlines, by component and by each id of the cause."""
        return {(one.component, name): one for one in self.deadlines for name in one.ids}

    def standing(self, exploited: Collection[str]) -> tuple[Standing, ...]:
        """Everything that stands against it and can go; `exploited` are the ids in the catalogue (KEV)."""
        return (
            *(standing_flaw(cause, exploited) for cause in self.flaws),
            *(standing_distrust(cause) for cause in self.state.distrusted),
            *(standing_rule(cause) for cause in self.state.rules),
        )

    def timed(self, standing: Iterable[Standing], table: SlaTable, at: datetime) -> Release:
        """With the deadlines of what stands against it."""
        terms = Terms(self.context.criticality, table)
        return replace(self, deadlines=counted(self.deadlines, standing, terms, at), stale=False)

    @property
    def revocation(self) -> RevocationCause | None:
        """Who took the trust away, and why."""
        return next((cause for cause in self.state.causes if isinstance(cause, RevocationCause)), None)

    @property
    def exposed(self) -> bool:
        """Whether something that runs right now should not be relied on."""
        return self.current and self.state.trust in {Trust.AT_RISK, Trust.REVOKED}

    @property
    def counts_as(self) -> tuple[bool, bool, bool]:
        """All of it that what runs is compared with: whether it is released, revoked, and current."""
        return self.state.trust is Trust.NONE, self.state.trust is Trust.REVOKED, self.current

    def admitted(self, evidence: tuple[Digest, ...], at: datetime) -> Release:
        """As it rests on the evidence of its newest admission: this one, unless a later one is known."""
        if at <= self.released_at:
            return self
        return replace(self, evidence=evidence, released_at=at, state=trusted_again(self.state, at))

    def demoted(self, at: datetime) -> Release:
        """As it is after a release that may not be called trusted, unless a later one is known."""
        if at <= self.released_at:
            return self
        return replace(self, evidence=(), waived=(), released_at=at, state=untrusted(self.state, at))

    def stepped_from(self, before: Release, because: str, at: datetime) -> Release:
        """With what its trust became since `before`, as one more step; itself when that is the same."""
        if before.state.trust is self.state.trust:
            return self
        by = self.revocation.by.subject if self.revocation else None
        step = TrustStep(before.state.trust, self.state.trust, because, at, by)
        return replace(self, steps=(*self.steps, step)[-KEPT_STEPS:])

    def stated(self, context: Context | None) -> Release:
        """With the newer of its own context and this one."""
        newer = context is not None and context.stated_at > self.context.stated_at
        return replace(self, context=context) if newer and context else self


class Change(NamedTuple):
    """A release as it was, and as it is now."""

    before: Release
    after: Release


def joined(causes: Iterable[VulnerabilityCause]) -> tuple[VulnerabilityCause, ...]:
    """One cause per flaw and component, sorted by component and id."""
    by_component: dict[str, list[VulnerabilityCause]] = {}
    for cause in causes:
        by_component.setdefault(cause.match.component, []).append(cause)
    found: list[VulnerabilityCause] = []
    for _, some in sorted(by_component.items()):
        # Most components have one flaw, and one is joined with nothing.
        found += some if len(some) == 1 else _joined_of_one(some)
    return tuple(found)


def _joined_of_one(causes: Sequence[VulnerabilityCause]) -> list[VulnerabilityCause]:
    """Those of one component."""
    since: dict[str, datetime] = {}
    for cause in causes:
        name = cause.match.advisory_id
        since[name] = min(cause.since, since.get(name, cause.since))
    return [
        VulnerabilityCause(
            match=flaw, since=min(since[name] for name in (flaw.advisory_id, *flaw.aliases) if name in since)
        )
        for flaw in distinct(cause.match for cause in causes)
    ]


def newest_per_subject(sboms: Iterable[Sbom]) -> tuple[Sbom, ...]:
    """Those that are the newest of at least one of their subjects, by the time they were made, then by id."""
    newest: dict[Digest, Sbom] = {}
    for sbom in sorted(sboms, key=lambda one: (one.made_at, one.evidence_id)):
        newest.update(dict.fromkeys(sbom.subjects, sbom))
    return tuple({sbom.key: sbom for sbom in newest.values()}.values())


def indexed(purls: Iterable[str]) -> dict[str, tuple[PackageKey, ...]]:
    """Each readable package URL with the packages by whose names advisories can be about it."""
    found: dict[str, tuple[PackageKey, ...]] = {}
    for purl in purls:
        try:
            found[purl] = tuple(package.key for package in component_of(purl).advised)
        except Invalid:
            continue
    return found
