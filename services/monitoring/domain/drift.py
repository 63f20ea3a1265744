"""What runs where, by the facts that sources told, and where that is not what it should be.

- Of one service in one environment the latest fact counts, by its own time, in whatever order facts arrive. Of two with
  the same time the one that says more counts, so that the order of arrival still makes no difference.
- Signed evidence names no service. It speaks for the application in that environment until anything later is said of a
  service there.
- An environment stands for the stage that the source names, else for the stage of the same name.
- A release at risk is a trusted release here: that it is at risk, the risk list says.
- Untrusted: in a stage that is no release stage any version may run. Everywhere else, also in an environment that
  stands for no stage, only trusted releases should.
- Outdated is whatever is not the version that stands in the stage: the registry says which one that is.
- Undeployed is said only of applications of which some source has told where they run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from contracts.vocabulary import Trust, utc
from shared.digests import canonical_digest

_ADMITTED = frozenset({Trust.TRUSTED, Trust.AT_RISK})


class Source(StrEnum):
    """Who can say what runs."""

    CDEVENTS = "cdevents"
    EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class Fact:
    """What a source said of one service in one environment."""

    project: str
    application: str
    """Empty while nobody knows: evidence may name a digest of which no version is registered."""
    environment: str
    service: str
    """Empty for evidence."""
    removed: bool
    version: str | None
    digests: tuple[str, ...]
    purl: str | None
    stage: str | None
    source: Source
    by: str
    evidence_id: str | None
    at: datetime

    @property
    def key(self) -> str:
        """What it replaces, and is replaced by."""
        place = canonical_digest([self.application, self.environment, self.service])
        # Without an application, two facts are about the same only when they are about the same digests.
        return f"{self.project}|{place}" + ("" if self.application else f"|{canonical_digest(sorted(self.digests))}")

    @property
    def order(self) -> str:
        """A text that sorts as facts about one service replace each other."""
        return f"{utc(self.at)} {self.version or ''} {' '.join(sorted(self.digests))} {self.removed}"

    @property
    def names(self) -> tuple[str, ...]:
        """What a version that it means can be found by."""
        return (*([self.version] if self.version else []), *self.digests)


class DriftKind(StrEnum):
    """How what runs differs from what should."""

    UNKNOWN = "unknown"
    REVOKED = "revoked"
    UNTRUSTED = "untrusted"
    OUTDATED = "outdated"
    UNDEPLOYED = "undeployed"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference."""

    kind: DriftKind
    environment: str
    service: str
    version: str
    expected: str | None = None
    stage: str | None = None
    because: str = ""

    @property
    def key(self) -> str:
        """What makes it the same difference."""
        return canonical_digest([self.kind.value, self.environment, self.service, self.version])


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a release is trusted."""

    trust: Trust
    current: bool
    stage: str


@dataclass(frozen=True, slots=True)
class Situation:
    """All that decides about one application."""

    facts: Sequence[Fact]
    """The latest of each service (`told`)."""
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Registered versions by what a fact can name: their name, digest, or the digest of an artifact."""
    releases: Mapping[str, Standing] = field(default_factory=dict)
    currents: Mapping[str, str | None] = field(default_factory=dict)
    """The version that stands in each stage, of the stages that ever had one."""
    stages: Mapping[str, bool] = field(default_factory=dict)
    """The project's stages, and whether each is a release stage."""
    ran: frozenset[str] = frozenset()
    """Current releases that some source has ever said to run."""

    def stage_of(self, fact: Fact) -> str | None:
        """The stage that the environment of a fact stands for."""
        if fact.stage:
            return fact.stage
        name = fact.environment.lower()
        return name if name in self.stages or name in self.currents else None

    def version_of(self, fact: Fact) -> str | None:
        """The registered version that a fact means; of several, the one that stands in the stage, else the last."""
        candidates = next((self.versions[name] for name in fact.names if self.versions.get(name)), ())
        expected = self.currents.get(self.stage_of(fact) or "")
        return expected if expected in candidates else max(candidates, default=None)


def told(known: Iterable[Fact], fact: Fact) -> tuple[Fact, ...]:
    """What is known of one application once this was said, if `known` was before; the order of telling is no matter."""
    latest = {one.key: one for one in known}
    if fact.key not in latest or latest[fact.key].order <= fact.order:
        latest[fact.key] = fact
    services: dict[str, str] = {}
    for one in latest.values():
        if one.service:
            services[one.environment] = max(one.order, services.get(one.environment, ""))
    return tuple(one for one in latest.values() if one.service or one.order > services.get(one.environment, ""))


def drifts(situation: Situation) -> tuple[Drift, ...]:
    """Every difference, each once, sorted by kind and place."""
    found = [one for fact in situation.facts if not fact.removed for one in _of_fact(situation, fact)]
    if situation.facts:
        found += [
            Drift(
                DriftKind.UNDEPLOYED,
                "",
                "",
                version,
                stage=one.stage,
                because=f"{version} is a trusted release in {one.stage}, and nothing has said that it runs anywhere.",
            )
            for version, one in situation.releases.items()
            if one.current and one.trust in _ADMITTED and version not in situation.ran
        ]
    unique = {one.key: one for one in found}
    return tuple(sorted(unique.values(), key=lambda one: (one.kind, one.environment, one.service, one.version)))


def _of_fact(situation: Situation, fact: Fact) -> Iterable[Drift]:
    version, stage = situation.version_of(fact), situation.stage_of(fact)
    place = f"{fact.service} in {fact.environment}" if fact.service else fact.environment

    def drift(kind: DriftKind, because: str, expected: str | None = None) -> Drift:
        named = version or next(iter((*fact.names, fact.purl or "")), "")
        return Drift(kind, fact.environment, fact.service, named, expected, stage, because)

    if version is None:
        what = next(iter((*fact.names, fact.purl or "something")))
        yield drift(DriftKind.UNKNOWN, f"{place} runs {what}, of which no version is registered.")
        return
    release = situation.releases.get(version)
    trust = release.trust if release else Trust.NONE
    if trust is Trust.REVOKED:
        yield drift(DriftKind.REVOKED, f"{place} runs {version}, whose trust was revoked.")
    elif trust is Trust.NONE and situation.stages.get(stage or "", True):
        yield drift(DriftKind.UNTRUSTED, f"{place} runs {version}, which is no trusted release.")
    if stage is not None and stage in situation.currents and situation.currents[stage] != version:
        expected = situation.currents[stage]
        stands = f"{expected} stands" if expected else "no version stands"
        yield drift(DriftKind.OUTDATED, f"{place} runs {version}, but {stands} in {stage}.", expected)
