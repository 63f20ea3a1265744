"""Which components of a package are meant by a package URL, with or without version, or by bounds of versions.

- Bounds are comparisons that must all hold, in the order of the package's ecosystem.
- A component of which nobody can say whether it is meant is told with the reason, never left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from contracts.vocabulary import Doubt
from services.monitoring.domain.advisory import RangeType
from services.monitoring.domain.ordering import Ordered, Ordering, Unreadable, ordering_for
from services.monitoring.domain.packages import PackageKey, package_version
from shared.errors import Invalid

_COMPARISON = re.compile(r"\s*(>=|<=|==|=|>|<)\s*([^\s<>=,]+)\s*")
_MOST_COMPARISONS = 10
_EQUAL = ("=", "==")


def within(purls: Iterable[str], package: str, bounds: str | None) -> dict[str, str | None]:
    """Of the components, those that a package URL with or without version means, or that lie inside the bounds.

    Each with the reason why that cannot be said for sure, if there is one. Raises `Invalid` (`bounds_malformed`,
    `bounds_undecidable`) for bounds that say nothing.
    """
    wanted = package_version(package)
    ordering = ordering_for(wanted.key.ecosystem, RangeType.ECOSYSTEM)
    tests = _comparisons(bounds, wanted.key, ordering) if bounds else []
    if wanted.version and ordering and _read(ordering, wanted.version) is None:
        ordering = None  # Such a version equals itself alone.
    if wanted.version:
        tests.append(("=", wanted.version))
    found: dict[str, str | None] = {}
    for purl in purls:
        answer = _holds(package_version(purl).version, tests, ordering)
        if answer is not False:
            found[purl] = None if answer is True else answer
    return found


def _comparisons(bounds: str, key: PackageKey, ordering: Ordering | None) -> list[tuple[str, str]]:
    parts = [_COMPARISON.fullmatch(part) for part in bounds.split(",")]
    tests = [(part[1], part[2]) for part in parts if part]
    if len(tests) != len(parts) or len(tests) > _MOST_COMPARISONS:
        raise Invalid(
            "bounds_malformed",
            f"{bounds[:100]!r} is no list of version comparisons.",
            remedy="Write comparisons with commas between them, such as >=4.0.0,<4.17.21.",
        )
    for _, version in tests:
        if ordering is None or _read(ordering, version) is None:
            raise Invalid(
                "bounds_undecidable",
                f"{version[:100]!r} cannot be compared with versions of {key}.",
                remedy="Name versions of a package whose ecosystem has an order, or leave the bounds out.",
            )
    return tests


def _read(ordering: Ordering, version: str) -> Ordered | None:
    try:
        return ordering.bound(version)
    except Unreadable:
        return None


def _holds(version: str | None, tests: Sequence[tuple[str, str]], ordering: Ordering | None) -> bool | str:
    """Whether all comparisons hold of a component's version, or why nobody can say."""
    if not tests:
        return True
    if version is None:
        return Doubt.VERSION_MISSING.value
    if all(sign in _EQUAL and wanted == version for sign, wanted in tests):
        return True
    if ordering is None:
        return False
    try:
        own = ordering.component(version)
        return all(_compares(own, sign, ordering.bound(wanted)) for sign, wanted in tests)
    except Unreadable:
        return Doubt.VERSION_UNREADABLE.value


def _compares(own: Ordered, sign: str, wanted: Ordered) -> bool:
    below, above = own < wanted, wanted < own
    match sign:
        case "<":
            return below
        case "<=":
            return not above
        case ">":
            return above
        case ">=":
            return not below
        case _:
            return not below and not above
