"""Which versions of a package are affected, as one advisory says (OSV schema, "evaluation").

- Affected = the version is listed (string equality; on PyPI also equal under PEP 440) or inside any range.
- A range: below one of its `limit`s, if it has any; then its events in version order: at or past `introduced` it is
  affected, at or past `fixed` it is not, past `last_affected` it is not. `introduced: "0"` comes before everything.
- Of events at the same version a fix applies before what is introduced there: `[1, 2)` and `[2, 3)` are `[1, 3)`, in
  whatever order they are written. What is fixed where it was introduced, in the next event, affects nothing.
- Commit ranges are left to the versions and ranges beside them.
- What cannot be decided is a doubt, never a silent no; a hit by another range or list still is a hit.

Everything an advisory says is read and put in order once, when the first version is asked about; each further version
costs a few comparisons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import zip_longest
from typing import NamedTuple

from contracts.vocabulary import Doubt
from services.monitoring.domain.advisory import AffectedPackage, AffectedRange, Bound, RangeEvent, RangeType
from services.monitoring.domain.ordering import (
    PYPI,
    Ordered,
    Ordering,
    Unreadable,
    in_order,
    lowest_above,
    ordering_for,
)

_AT_ONE_VERSION = (Bound.FIXED, Bound.INTRODUCED, Bound.LAST_AFFECTED)
"""In which order the events at one version apply."""
_EVERYTHING = "*"


class Spoken:
    """What the entries of one advisory say of one package, in an ecosystem of the `PackageKey` form."""

    def __init__(self, entries: Sequence[AffectedPackage], ecosystem: str) -> None:
        self._ecosystem = ecosystem
        self._entries = entries
        self._listed = frozenset(version for one in entries for version in one.versions)
        self._spans = [span for one in entries for span in _spans(one, ecosystem)]
        # Only PyPI gives one version several spellings: elsewhere a list means its strings.
        self._respelled = ecosystem == "PyPI" and bool(self._listed)

    def affects(self, version: str) -> bool | Doubt:
        """Whether it affects this version, or why nobody can say."""
        if version in self._listed:
            return True
        doubt: bool | Doubt = False
        for span in self._spans:
            answer = span.holds(version)
            if answer is True:
                return True
            doubt = doubt or answer
        return (self._respelled and _read(PYPI.component, version) in self._spelled_anyhow) or doubt

    def fixed_in(self, version: str) -> str | None:
        """The lowest fixed version above this one that it does not affect again."""
        return lowest_above(self._ecosystem, version, self._fixes)

    @cached_property
    def _fixes(self) -> list[tuple[Ordered, str]]:
        # Sorted first: versions that are equal in the ecosystem's order must not swap places from run to run.
        fixes = sorted({fix for entry in self._entries for fix in entry.fixed_versions})
        return in_order(self._ecosystem, (fix for fix in fixes if self.affects(fix) is False))

    @cached_property
    def _spelled_anyhow(self) -> frozenset[Ordered]:
        return frozenset(one for one in (_read(PYPI.bound, text) for text in self._listed) if one is not None)


class _Unstated:
    """An entry without versions that could be compared."""

    def holds(self, version: str) -> bool | Doubt:
        del version
        return Doubt.VERSIONS_UNSTATED


class _Turn(NamedTuple):
    """From a version on it is affected, or not any more."""

    at: Ordered
    itself: bool
    """Whether this holds of the version itself, too."""
    affected: bool


class _Span:
    """One range."""

    def __init__(self, written: AffectedRange, ordering: Ordering | None) -> None:
        self._ordering = ordering
        self._written = written
        self._limits = [one.version for one in written.events if one.bound is Bound.LIMIT]
        self._limited = bool(self._limits) and _EVERYTHING not in self._limits
        self._from_the_first = any(_is_origin(event) for event in _without_empty(written.events))

    def holds(self, version: str) -> bool | Doubt:
        ordering = self._ordering
        if ordering is None:
            return Doubt.ECOSYSTEM_UNSUPPORTED
        try:
            component = ordering.component(version)
            if self._limited and not any(component < ordering.bound(limit) for limit in self._limits):
                return False
            turns = self._turns
        except Unreadable:
            return Doubt.VERSION_UNREADABLE
        # The last turn that the version has come to is the one that counts.
        for at, itself, affected in turns:
            if (not component < at) if itself else (at < component):
                return affected
        return self._from_the_first

    @cached_property
    def _turns(self) -> tuple[_Turn, ...]:
        """The last one first. Raises `Unreadable`."""
        ordering = self._ordering
        if ordering is None:
            return ()
        written = _without_empty(self._written.events)
        turning = [one for one in written if one.bound is not Bound.LIMIT and not _is_origin(one)]
        # Sorting is stable: the second one keeps the order of the first among equal versions.
        turning.sort(key=lambda event: _AT_ONE_VERSION.index(event.bound))
        turning.sort(key=lambda event: ordering.bound(event.version))
        return tuple(
            _Turn(ordering.bound(one.version), one.bound is not Bound.LAST_AFFECTED, one.bound is Bound.INTRODUCED)
            for one in reversed(turning)
        )


def _spans(entry: AffectedPackage, ecosystem: str) -> Sequence[_Span | _Unstated]:
    found = [_Span(one, ordering_for(ecosystem, one.type)) for one in entry.ranges if one.type is not RangeType.GIT]
    return found if found or entry.versions else [_Unstated()]


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


def _read(reader: Callable[[str], Ordered], version: str) -> Ordered | None:
    try:
        return reader(version)
    except Unreadable:
        return None
