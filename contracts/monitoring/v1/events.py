"""What monitoring says has happened."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.message import Event
from contracts.monitoring.v1.views import DistrustedEvidence, FailedRule, RiskCause
from contracts.vocabulary import (
    ApplicationName,
    Criticality,
    Digest,
    ProjectName,
    Trust,
    Utc,
    VersionName,
)


class TrustChanged(Event):
    """The trust in a release rose, fell or ended, or its causes changed."""

    subject: ClassVar[str] = "hallmark.evt.monitoring.trust.changed.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    from_trust: Trust
    to_trust: Trust
    added: tuple[RiskCause, ...] = ()
    """At most 100, the most urgent ones; a cause that changed is here as it is, and in `removed` as it was."""
    removed: tuple[RiskCause, ...] = ()
    """At most 100."""
    cause_count: int = 0
    """How many stand against the release now."""
    distrusted: tuple[DistrustedEvidence, ...] = ()
    """Evidence behind its admission that is distrusted now; at most 100."""
    rules: Annotated[tuple[FailedRule, ...], Field(exclude_if=lambda rules: not rules)] = ()
    """Rules that admitted it and would not any more; at most 50. Left out when there are none."""
    because: str
    criticality: Criticality
    owners: tuple[str, ...]
    deadline: Utc | None
    at: Utc
