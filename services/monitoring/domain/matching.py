"""Whether an advisory hits a component.

- Which versions an advisory affects: `ranges.py`. A withdrawn advisory never matches.
- Entries about another release of a distribution than the component's are about something else. A component that says
  no release can be of any, as OSV reads an ecosystem without a suffix.
- What cannot be decided is `Undecided`, never a silent no.
- Both directions ask a `Matcher`: new advisories about known components, and new components about known advisories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from contracts.vocabulary import Doubt, Severity
from services.monitoring.domain.advisory import Advisory, AffectedPackage
from services.monitoring.domain.distributions import Release, advised_release, same_release
from services.monitoring.domain.packages import PackageKey, PackageVersion, advisory_key, component_of
from services.monitoring.domain.ranges import Spoken
from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Match:
    """A component is affected by a flaw."""

    advisory_id: str
    aliases: tuple[str, ...]
    component: str
    """The package URL as it was asked about."""
    severity: Severity
    fixed_in: str | None
    """The lowest fixed version above the component's that this advisory does not affect again."""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Nobody can say whether a component is affected: to be shown, never to be read as a no."""

    advisory_id: str
    component: str
    doubt: Doubt

    @property
    def key(self) -> str:
        """What it is listed by."""
        return f"{self.component}|{self.advisory_id}"


Answer = Match | Undecided


def matches_among(answers: Iterable[Answer]) -> tuple[Match, ...]:
    """Those that say yes."""
    return tuple(one for one in answers if isinstance(one, Match))


def undecided_among(answers: Iterable[Answer]) -> tuple[Undecided, ...]:
    """Those that say neither yes nor no."""
    return tuple(one for one in answers if isinstance(one, Undecided))


def advisory_keys(advisory: Advisory) -> tuple[PackageKey, ...]:
    """The keys under which an advisory is indexed, sorted; none when it is withdrawn."""
    if advisory.withdrawn is not None:
        return ()
    return tuple(sorted({advisory_key(one.ecosystem, one.name) for one in advisory.affected}))


class Matcher:
    """Advisories by the packages that they name; each is read once, however many components are asked about."""

    def __init__(self, advisories: Iterable[Advisory] = ()) -> None:
        self._known: set[str] = set()
        self._about: dict[PackageKey, list[_Said]] = {}
        for one in advisories:
            self.learn(one)

    def __len__(self) -> int:
        """How many advisories it knows."""
        return len(self._known)

    def learn(self, advisory: Advisory) -> None:
        """Know one more advisory; of one id only the first."""
        if advisory.id in self._known:
            return
        self._known.add(advisory.id)
        if advisory.withdrawn is not None:
            return
        by_key: dict[PackageKey, list[AffectedPackage]] = {}
        for entry in advisory.affected:
            by_key.setdefault(advisory_key(entry.ecosystem, entry.name), []).append(entry)
        for key, entries in by_key.items():
            self._about.setdefault(key, []).append(_Said(advisory, key.ecosystem, entries))

    def answers(self, purl: str) -> tuple[Answer, ...]:
        """What the advisories say of a component, unless that is no. Raises `Invalid` (`purl_malformed`)."""
        asked = component_of(purl)
        if len(asked.advised) == 1:
            return tuple(self._answers(purl, asked.advised[0], asked.release))
        found: dict[str, Answer] = {}
        for package in asked.advised:
            for answer in self._answers(purl, package, asked.release):
                # One of its names is enough for a hit; of two hits, and of two doubts, the first is told.
                if not isinstance(found.get(answer.advisory_id), (Match, type(answer))):
                    found[answer.advisory_id] = answer
        return tuple(found.values())

    def _answers(self, purl: str, package: PackageVersion, release: Release | None) -> Iterator[Answer]:
        for said in self._about.get(package.key, ()):
            answer = said.answer(purl, package.version, release)
            if answer is not None:
                yield answer


def match(component: str, advisory: Advisory) -> Answer | None:
    """Whether `advisory` hits the package URL `component`; None says that it does not."""
    if advisory.withdrawn is not None:
        return None
    try:
        return next(iter(Matcher([advisory]).answers(component)), None)
    except Invalid:
        return Undecided(advisory_id=advisory.id, component=component, doubt=Doubt.PURL_MALFORMED)


class _Said:
    """What one advisory says of one package."""

    def __init__(self, advisory: Advisory, ecosystem: str, entries: Sequence[AffectedPackage]) -> None:
        self.advisory = advisory
        self._ecosystem = ecosystem
        self._entries = entries
        # Without a suffix they are about every release and every build.
        of_all = not any(":" in one.ecosystem for one in entries)
        self._always = Spoken(entries, ecosystem) if of_all else None
        self._spoken: dict[tuple[Release | None, bool], Spoken | None] = {}

    def answer(self, purl: str, version: str | None, release: Release | None) -> Answer | None:
        spoken = self._always or self._about(version, release)
        if spoken is None:
            return None
        said = spoken.affects(version) if version else Doubt.VERSION_MISSING
        if said is False:
            return None
        one = self.advisory
        if said is not True:
            return Undecided(one.id, purl, said)
        return Match(one.id, one.aliases, purl, one.severity, spoken.fixed_in(version or ""), one.summary)

    def _about(self, version: str | None, release: Release | None) -> Spoken | None:
        """What it says of this release and build; None when that is nothing."""
        case = (release, "fips" in (version or "").lower())
        if case not in self._spoken:
            entries = [one for one in self._entries if _is_about(one.ecosystem, *case)]
            self._spoken[case] = Spoken(entries, self._ecosystem) if entries else None
        return self._spoken[case]


def _is_about(ecosystem: str, release: Release | None, validated: bool) -> bool:
    # Packages validated by FIPS 140 are other builds, with other numbers, beside the ordinary ones.
    if ":FIPS" in ecosystem and not validated:
        return False
    return release is None or same_release(advised_release(ecosystem), release)
