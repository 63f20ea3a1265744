"""The pointers of one stage of an application: which version is current, which was good before, which must not return.

- At most one version is current. A version has one stay per stage, which counts from when it last became current there.
- A rollback quarantines the version that it replaces: it may not enter the stage until it is certified there again.
- A version that was taken back from the stage has left it. What was quarantined stays so.
- Previous good is the newest other stay that is good: neither quarantined nor left. It is where a rollback would go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from contracts.vocabulary import ApplicationName, ProjectName, StageName, VersionName


class Condition(StrEnum):
    """Whether a version may become current in the stage again."""

    GOOD = "good"
    QUARANTINED = "quarantined"
    LEFT = "left"
    """It was taken back from the stage: it may enter it as it did the first time."""


@dataclass(frozen=True)
class Stay:
    """One version in one stage."""

    version: VersionName
    place: int
    """Rises with each version that becomes current in the stage."""
    condition: Condition
    promotion_id: str
    """The promotion that made it so."""
    reason: str
    since: datetime


@dataclass(frozen=True)
class Standing:
    """One stage of an application, with the stays that matter: the newest good ones, and the quarantined."""

    project: ProjectName
    application: ApplicationName
    stage: StageName
    current: VersionName | None = None
    since: datetime | None = None
    previous: VersionName | None = None
    """The one that was current before."""
    places: int = 0
    """How often a version became current here."""
    stays: Mapping[VersionName, Stay] = field(default_factory=dict)

    @property
    def previous_good(self) -> VersionName | None:
        """Where a rollback would go."""
        good = [one for one in self.stays.values() if one.condition is Condition.GOOD and one.version != self.current]
        return max(good, key=lambda one: one.place).version if good else None

    @property
    def quarantined(self) -> tuple[Stay, ...]:
        """Sorted by version."""
        found = [one for one in self.stays.values() if one.condition is Condition.QUARANTINED]
        return tuple(sorted(found, key=lambda one: one.version))

    def holds_in_quarantine(self, version: VersionName) -> bool:
        """Whether the version may not enter."""
        return version in self.stays and self.stays[version].condition is Condition.QUARANTINED


@dataclass(frozen=True)
class Cause:
    """What changes the pointers: a promotion, why, and when."""

    promotion_id: str
    reason: str
    at: datetime


def entered(standing: Standing, version: VersionName, cause: Cause, *, quarantine: bool) -> Standing:
    """The stage after the version became current in it; `quarantine` the one that it replaces."""
    replaced = standing.current
    if replaced == version:
        return standing
    stays = dict(standing.stays)
    if replaced is not None and quarantine:
        stays[replaced] = _put(standing, replaced, Condition.QUARANTINED, cause)
    elif replaced is not None and replaced not in stays:
        # It became current before stays were kept.
        stays[replaced] = _put(standing, replaced, Condition.GOOD, cause)
    places = standing.places + 1
    stays[version] = Stay(version, places, Condition.GOOD, cause.promotion_id, cause.reason, cause.at)
    return replace(standing, current=version, since=cause.at, previous=replaced, places=places, stays=stays)


def left(standing: Standing, version: VersionName, cause: Cause) -> Standing:
    """The stage after the version was taken back from it: without a current version, if it was that."""
    stays = dict(standing.stays)
    if not standing.holds_in_quarantine(version):
        stays[version] = _put(standing, version, Condition.LEFT, cause)
    if standing.current != version:
        return replace(standing, stays=stays)
    return replace(standing, current=None, since=None, previous=version, stays=stays)


def certified(standing: Standing, version: VersionName, cause: Cause) -> Standing:
    """The stage after the version was certified in it again: out of quarantine, and nothing else."""
    if not standing.holds_in_quarantine(version):
        return standing
    return replace(standing, stays={**standing.stays, version: _put(standing, version, Condition.GOOD, cause)})


def _put(standing: Standing, version: VersionName, condition: Condition, cause: Cause) -> Stay:
    place = standing.stays[version].place if version in standing.stays else standing.places
    return Stay(version, place, condition, cause.promotion_id, cause.reason, cause.at)
