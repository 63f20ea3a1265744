"""Whether an advisory hits a component (OSV schema, "evaluation").

- Affected = the version is listed (string equality; on PyPI also equal under PEP 440) or inside any range.
- A range: below one of its `limit`s, if it has any; then its events in version order: at or past `introduced` it is
  affected, at or past `fixed` it is not, past `last_affected` it is not. `introduced: "0"` comes before everything.
- Of events at the same version a fix applies before what is introduced there: `[1, 2)` and `[2, 3)` are `[1, 3)`, in
  whatever order they are written. What is fixed where it was introduced, in the next event, affects nothing.
- A withdrawn advisory never matches. Commit ranges are left to the versions and ranges beside them.
- Entries about another release of a distribution than the component's are about something else. A component that says
  no release can be of any, as OSV reads an ecosystem without a suffix.
- What cannot be decided is `Undecided`, never a silent no; a hit by another range or list still is a hit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import assert_never

from contracts.vocabulary import Doubt, Frozen, Severity
from services.monitoring.domain.advisory import (
    Advisory,
    AffectedPackage,
    AffectedRange,
    Bound,
    RangeEvent,
    RangeType,
)
from services.monitoring.domain.distributions import Release, advised_release, same_release
from services.monitoring.domain.ordering import PYPI, Ordered, Ordering, Unreadable, newer_than, ordering_for
from services.monitoring.domain.packages import PackageKey, PackageVersion, advisory_key, component_of
from shared.errors import Invalid

_AT_ONE_VERSION = (Bound.FIXED, Bound.INTRODUCED, Bound.LAST_AFFECTED)
"""In which order the events at one version apply."""


class Match(Frozen):
    """A component is affected by a flaw."""

    advisory_id: str
    aliases: tuple[str, ...]
    component: str
    """The package URL as it was asked about."""
    severity: Severity
    fixed_in: str | None
    """The lowest fixed version above the component's that this advisory does not affect again."""
    summary: str = ""


class Undecided(Frozen):
    """Nobody can say whether a component is affected: to be shown, never to be read as a no."""

    advisory_id: str
    component: str
    doubt: Doubt

    @property
    def key(self) -> str:
        """What it is listed by."""
        return f"{self.component}|{self.advisory_id}"


def matches_among(answers: Iterable[Match | Undecided]) -> tuple[Match, ...]:
    """Those that say yes."""
    return tuple(one for one in answers if isinstance(one, Match))


def undecided_among(answers: Iterable[Match | Undecided]) -> tuple[Undecided, ...]:
    """Those that say neither yes nor no."""
    return tuple(one for one in answers if isinstance(one, Undecided))


def advisory_keys(advisory: Advisory) -> tuple[PackageKey, ...]:
    """The keys under which an advisory is indexed, sorted; none when it is withdrawn."""
    if advisory.withdrawn is not None:
        return ()
    return tuple(sorted({advisory_key(one.ecosystem, one.name) for one in advisory.affected}))


def match(component: str, advisory: Advisory) -> Match | Undecided | None:
    """Whether `advisory` hits the package URL `component`; None says that it does not."""
    if advisory.withdrawn is not None:
        return None
    try:
        asked = component_of(component)
    except Invalid:
        return Undecided(advisory_id=advisory.id, component=component, doubt=Doubt.PURL_MALFORMED)
    doubts: list[Doubt] = []
    for package in asked.advised:
        entries = _about(advisory, package, asked.release)
        answer = _answer(entries, package) if entries else False
        if answer is True:
            return _hit(advisory, component, entries, package)
        doubts += [answer] if isinstance(answer, Doubt) else []
    return Undecided(advisory_id=advisory.id, component=component, doubt=doubts[0]) if doubts else None


def _about(advisory: Advisory, package: PackageVersion, release: Release | None) -> list[AffectedPackage]:
    return [
        one
        for one in advisory.affected
        if advisory_key(one.ecosystem, one.name) == package.key
        and (release is None or same_release(advised_release(one.ecosystem), release))
        and _of_this_build(one.ecosystem, package.version)
    ]


def _of_this_build(ecosystem: str, version: str | None) -> bool:
    # Packages validated by FIPS 140 are other builds, with other numbers, beside the ordinary ones.
    return ":FIPS" not in ecosystem or "fips" in (version or "").lower()


def _answer(entries: Sequence[AffectedPackage], package: PackageVersion) -> bool | Doubt:
    if not package.version:
        return Doubt.VERSION_MISSING
    return _affects_any(entries, package.key.ecosystem, package.version)


def _hit(advisory: Advisory, component: str, entries: Sequence[AffectedPackage], package: PackageVersion) -> Match:
    return Match(
        advisory_id=advisory.id,
        aliases=advisory.aliases,
        component=component,
        severity=advisory.severity,
        fixed_in=_fixed_in(entries, package.key.ecosystem, package.version or ""),
        summary=advisory.summary,
    )


def _affects_any(entries: Sequence[AffectedPackage], ecosystem: str, version: str) -> bool | Doubt:
    return _any_of([_affects(entry, ecosystem, version) for entry in entries])


def _any_of(answers: Sequence[bool | Doubt]) -> bool | Doubt:
    """True if any answer is, else the first doubt, else False."""
    if any(answer is True for answer in answers):
        return True
    return next((answer for answer in answers if isinstance(answer, Doubt)), False)


def _affects(entry: AffectedPackage, ecosystem: str, version: str) -> bool | Doubt:
    if version in entry.versions:
        return True
    ranges = [one for one in entry.ranges if one.type is not RangeType.GIT]
    if not ranges and not entry.versions:
        return Doubt.VERSIONS_UNSTATED
    answer = _any_of([_inside(one, ecosystem, version) for one in ranges])
    # Only PyPI gives one version several spellings: elsewhere a list means its strings.
    if answer is not True and ecosystem == "PyPI" and _listed_otherwise(entry.versions, version):
        return True
    return answer


def _listed_otherwise(versions: Sequence[str], version: str) -> bool:
    component = _read(PYPI.component, version)
    return component is not None and any(_read(PYPI.bound, one) == component for one in versions)


def _read(reader: Callable[[str], Ordered], version: str) -> Ordered | None:
    try:
        return reader(version)
    except Unreadable:
        return None


def _inside(affected: AffectedRange, ecosystem: str, version: str) -> bool | Doubt:
    ordering = ordering_for(ecosystem, affected.type)
    if ordering is None:
        return Doubt.ECOSYSTEM_UNSUPPORTED
    try:
        component = ordering.component(version)
        return _before_limits(component, affected, ordering) and _vulnerable(component, affected, ordering)
    except Unreadable:
        return Doubt.VERSION_UNREADABLE


def _before_limits(component: Ordered, affected: AffectedRange, ordering: Ordering) -> bool:
    limits = [event.version for event in affected.events if event.bound is Bound.LIMIT]
    return not limits or any(limit == "*" or component < ordering.bound(limit) for limit in limits)


def _vulnerable(component: Ordered, affected: AffectedRange, ordering: Ordering) -> bool:
    vulnerable = False
    for event in _in_version_order(affected.events, ordering):
        match event.bound:
            case Bound.INTRODUCED:
                if _is_origin(event) or not component < ordering.bound(event.version):
                    vulnerable = True
            case Bound.FIXED:
                if not component < ordering.bound(event.version):
                    vulnerable = False
            case Bound.LAST_AFFECTED:
                if ordering.bound(event.version) < component:
                    vulnerable = False
            case Bound.LIMIT:
                pass  # Limits bound the whole range, they are no step inside it.
            case _:
                assert_never(event.bound)
    return vulnerable


def _in_version_order(events: Sequence[RangeEvent], ordering: Ordering) -> list[RangeEvent]:
    written = list(_without_empty(events))
    first = [event for event in written if _is_origin(event)]
    later = [event for event in written if not _is_origin(event) and event.bound is not Bound.LIMIT]
    # Sorting is stable: the second one keeps the order of the first among equal versions.
    later.sort(key=lambda event: _AT_ONE_VERSION.index(event.bound))
    return first + sorted(later, key=lambda event: ordering.bound(event.version))


def _without_empty(events: Sequence[RangeEvent]) -> Iterator[RangeEvent]:
    skip = False
    for event, following in zip_longest(events, events[1:]):
        empty = (
            following is not None
            and (event.bound, following.bound) == (Bound.INTRODUCED, Bound.FIXED)
            and event.version == following.version
        )
        if not empty and not skip:
            yield event
        skip = empty


def _is_origin(event: RangeEvent) -> bool:
    return event.bound is Bound.INTRODUCED and event.version == "0"


def _fixed_in(entries: Sequence[AffectedPackage], ecosystem: str, version: str) -> str | None:
    # Sorted first: versions that are equal in the ecosystem's order must not swap places from run to run.
    fixes = sorted({fix for entry in entries for fix in entry.fixed_versions})
    above = newer_than(ecosystem, version, fixes)
    return next((fix for fix in above if _affects_any(entries, ecosystem, fix) is False), None)
