"""What delivery metrics are counted from, and how failures belong to deployments.

- A deployment is a completed promotion of kind `release` or `rollback`: only these change what production runs. Moves
  between earlier stages (`promote`) are recorded and left out.
- A fact counts once, however often it is given; the id decides, the first one stays.
- What stands: the latest deployment of the application at or before a moment.
- An incident (a release at risk is one) belongs to the latest deployment of the version it names, at or before it
  opened; without a version, to what stood. One that belongs to nothing is nobody's failure.
- A rollback to another version says that what stood before it failed.
- A failure ends when its incident is resolved. An incident that names the version that stands ends earlier if another
  version takes its place: what is gone no longer fails.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from contracts.vocabulary import PromotionKind
from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version reached a stage."""

    id: str
    application: str
    version: str
    at: datetime
    kind: PromotionKind
    committed_at: datetime | None = None
    """When the source commit of the version was made; None when nobody said so."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something was wrong with an application. Raises `Invalid` (`incident_inverted`) if resolved before it opened."""

    id: str
    application: str
    opened_at: datetime
    resolved_at: datetime | None = None
    version: str | None = None

    def __post_init__(self) -> None:
        if self.resolved_at is not None and self.resolved_at < self.opened_at:
            raise Invalid(
                "incident_inverted",
                f"Incident {self.id!r} is resolved before it was opened.",
                remedy="Correct the two times.",
            )


@dataclass(frozen=True, slots=True)
class Window:
    """From `since`, up to and without `until`. Raises `Invalid` (`window_empty`)."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise Invalid(
                "window_empty",
                f"The window from {self.since} to {self.until} has no length.",
                remedy="Let it end after it begins.",
            )

    def __contains__(self, moment: datetime) -> bool:
        return self.since <= moment < self.until


@dataclass(frozen=True, slots=True)
class Failure:
    """A deployment turned out bad."""

    cause_id: str
    """The incident, or the rollback, that says so."""
    deployment: Deployment
    at: datetime
    ended_at: datetime | None
    incident: Incident | None
    """None when only a rollback says so: nothing then tells when it began to fail."""


class History:
    """The facts of any number of applications, in order."""

    def __init__(self, deployments: Iterable[Deployment], incidents: Iterable[Incident] = ()) -> None:
        changing = (one for one in deployments if one.kind is not PromotionKind.PROMOTE)
        first_given = {one.id: one for one in reversed(list(changing))}
        self.deployments = tuple(sorted(first_given.values(), key=lambda one: (one.at, one.id)))
        first_opened = {one.id: one for one in reversed(list(incidents))}
        self.incidents = tuple(sorted(first_opened.values(), key=lambda one: (one.opened_at, one.id)))
        self._of: dict[str, list[Deployment]] = {}
        for deployment in self.deployments:
            self._of.setdefault(deployment.application, []).append(deployment)

    def during(self, window: Window) -> tuple[Deployment, ...]:
        """The deployments inside a window, oldest first."""
        return tuple(one for one in self.deployments if one.at in window)

    def failures(self) -> tuple[Failure, ...]:
        """Every failure that belongs to a deployment, by the time it became known."""
        found = [*self._incident_failures(), *self._rollback_failures()]
        return tuple(sorted(found, key=lambda one: (one.at, one.cause_id)))

    def next_other(self, application: str, version: str, after: datetime) -> Deployment | None:
        """The first deployment of another version after a moment."""
        line = self._of.get(application, [])
        start = bisect_right(line, after, key=lambda one: one.at)
        return next((one for one in line[start:] if one.version != version), None)

    def _incident_failures(self) -> Iterator[Failure]:
        for incident in self.incidents:
            line = self._of.get(incident.application, [])
            before = line[: bisect_right(line, incident.opened_at, key=lambda one: one.at)]
            owners = (one for one in reversed(before) if incident.version in {None, one.version})
            owner = next(owners, None)
            if owner is not None:
                ended_at = self._end(incident, owner, stands=before[-1].version == owner.version)
                yield Failure(incident.id, owner, incident.opened_at, ended_at, incident)

    def _rollback_failures(self) -> Iterator[Failure]:
        for line in self._of.values():
            for before, after in pairwise(line):
                if after.kind is PromotionKind.ROLLBACK and after.version != before.version:
                    yield Failure(after.id, before, after.at, after.at, None)

    def _end(self, incident: Incident, owner: Deployment, *, stands: bool) -> datetime | None:
        if incident.version is None or not stands:
            return incident.resolved_at
        following = self.next_other(owner.application, owner.version, incident.opened_at)
        ends = (incident.resolved_at, following.at if following else None)
        return min((end for end in ends if end is not None), default=None)
