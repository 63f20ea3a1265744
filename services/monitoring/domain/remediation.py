"""What to do about the matches of one release.

- Records of several databases that name each other as alias are one flaw: reported once per component, with the worst
  severity that any of them gives.
- The upgrade of a component is the lowest version in which every one of its flaws is fixed, by what each match says;
  there is none while one of them has no fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contracts.vocabulary import Frozen
from services.monitoring.domain.advisory import worst
from services.monitoring.domain.matching import Match
from services.monitoring.domain.ordering import newest
from services.monitoring.domain.packages import package_key


class Upgrade(Frozen):
    """How to make one component of a release safe."""

    component: str
    """The package URL that is affected."""
    to_version: str | None
    """The version that fixes everything below; None when a flaw has no fix yet."""
    advisory_ids: tuple[str, ...]
    """The flaws, one id each, sorted."""
    unfixed: tuple[str, ...]
    """Those of them without a fixed version."""


def distinct(matches: Iterable[Match]) -> tuple[Match, ...]:
    """One match per flaw and component, sorted by component and id.

    The id is the first of the joined ones, all others become aliases; `fixed_in` is the highest that any record names,
    since the lower ones are too low for at least one database.
    """
    groups: dict[int, list[Match]] = {}
    by_name: dict[tuple[str, str], int] = {}
    for number, match in enumerate(sorted(set(matches), key=lambda one: (one.component, one.advisory_id))):
        names = [(match.component, name) for name in (match.advisory_id, *match.aliases)]
        # A new match can be the link between groups that did not know each other so far.
        linked = sorted({by_name[name] for name in names if name in by_name})
        groups[number] = [other for group in linked for other in groups.pop(group)] + [match]
        for other in groups[number]:
            by_name |= {(other.component, name): number for name in (other.advisory_id, *other.aliases)}
    return tuple(sorted(map(_joined, groups.values()), key=lambda one: (one.component, one.advisory_id)))


def upgrades(matches: Iterable[Match]) -> tuple[Upgrade, ...]:
    """The lowest upgrade of each affected component, sorted by component."""
    by_component: dict[str, list[Match]] = {}
    for match in distinct(matches):
        by_component.setdefault(match.component, []).append(match)
    return tuple(_upgrade(component, flaws) for component, flaws in sorted(by_component.items()))


def _upgrade(component: str, flaws: Sequence[Match]) -> Upgrade:
    unfixed = tuple(flaw.advisory_id for flaw in flaws if flaw.fixed_in is None)
    return Upgrade(
        component=component,
        to_version=None if unfixed else _highest_fix(component, flaws),
        advisory_ids=tuple(flaw.advisory_id for flaw in flaws),
        unfixed=unfixed,
    )


def _joined(group: Sequence[Match]) -> Match:
    if len(group) == 1:
        return group[0]
    first = min(group, key=lambda one: one.advisory_id)
    ids = {name for one in group for name in (one.advisory_id, *one.aliases)}
    return Match(
        advisory_id=first.advisory_id,
        aliases=tuple(sorted(ids - {first.advisory_id})),
        component=first.component,
        severity=worst(one.severity for one in group),
        fixed_in=_highest_fix(first.component, group),
        summary=next((one.summary for one in (first, *group) if one.summary), ""),
    )


def _highest_fix(component: str, matches: Iterable[Match]) -> str | None:
    fixes = sorted({one.fixed_in for one in matches if one.fixed_in is not None})
    return newest(package_key(component).ecosystem, fixes)
