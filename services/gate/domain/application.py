"""The business context of an application, which policies are scoped by.

- The newest revision that the registry told of counts; an older one that arrives late is no news.
- What came along with a version counts when it is newer than the last thing heard, so that a raised criticality is
  obeyed even if the version's event overtakes the application's.
"""

from __future__ import annotations

from collections.abc import Mapping

from contracts.vocabulary import ApplicationName, Criticality, Frozen, LifecycleName, ProjectName, Utc


class ApplicationContext(Frozen):
    """One application as the registry last told of it."""

    project: ProjectName
    application: ApplicationName
    criticality: Criticality
    labels: Mapping[str, str]
    owners: tuple[str, ...] = ()
    lifecycle: LifecycleName | None = None
    """None while only a version's event has told of the application."""
    revision: int
    """The registry's count of changes; 0 when only a version's event has told of it."""
    at: Utc


def newest(held: ApplicationContext | None, said: ApplicationContext) -> ApplicationContext:
    """Which of the two counts from now on; `held` itself when `said` brings nothing newer."""
    if held is None or said.revision > held.revision:
        return said
    if said.revision == 0 and said.at > held.at:
        return said.model_copy(update={"revision": held.revision, "lifecycle": held.lifecycle})
    return held


def same_for_gates(held: ApplicationContext | None, said: ApplicationContext) -> bool:
    """Whether gates have nothing to judge again: what policies are scoped by, and the way of versions, is the same."""
    return held is not None and (held.criticality, dict(held.labels), held.lifecycle) == (
        said.criticality,
        dict(said.labels),
        said.lifecycle,
    )
