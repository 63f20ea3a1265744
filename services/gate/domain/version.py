"""What the gate has heard of versions and of the applications they belong to.

- A version never changes: heard again it is the same, or it is a contradiction.
- An application changes: its newest revision counts. What came along with a version counts when it is newer than the
  last thing heard, so that a raised criticality is obeyed even if the version's event overtakes the application's.
"""

from __future__ import annotations

from collections.abc import Mapping

from contracts.vocabulary import ApplicationName, Criticality, Digest, Frozen, ProjectName, Utc, VersionName


class KnownVersion(Frozen):
    """One version as the registry announced it."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    artifacts: tuple[Digest, ...]


class ApplicationContext(Frozen):
    """What policies are scoped by: the business context of one application."""

    project: ProjectName
    application: ApplicationName
    criticality: Criticality
    labels: Mapping[str, str]
    revision: int
    """The registry's count of changes; 0 when only a version's event has told of it."""
    at: Utc


def newest(held: ApplicationContext | None, said: ApplicationContext) -> ApplicationContext:
    """Which of the two counts from now on; `held` itself when `said` brings nothing newer."""
    if held is None or said.revision > held.revision:
        return said
    if said.revision == 0 and said.at > held.at:
        return said.model_copy(update={"revision": held.revision})
    return held
