"""What was decided, decided again: to prove a verdict, and to see what a draft of a policy would have changed."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from contracts.findings import Finding
from contracts.gate.v1.commands import Passage
from contracts.message import Answer, Query
from contracts.vocabulary import ApplicationName, Digest, Frozen, Outcome, ProjectName, Utc, VersionName


class Replay(Answer):
    """What a verdict's own policies, evidence and circumstances give when they are judged again."""

    verdict_id: str
    agrees: bool
    differences: tuple[str, ...] = ()
    """Names of what comes out otherwise; empty when it agrees."""
    outcome: Outcome | None = None
    """Given again; None when something it was given on is missing here."""
    findings: tuple[Finding, ...] = ()
    fingerprint: Digest | None = None


class ReplayVerdict(Query):
    """Would a verdict be given again, word for word, on what it pins?"""

    subject: ClassVar[str] = "hallmark.ask.gate.verdict.replay.v1"
    answer: ClassVar[type[Answer]] = Replay
    project: ProjectName
    verdict_id: str


class SimulatedVerdict(Frozen):
    """What a draft would have changed about one verdict."""

    verdict_id: str
    promotion_id: str
    application: ApplicationName
    version: VersionName
    passages: tuple[Passage, ...]
    judged_at: Utc
    was: Outcome
    would_be: Outcome
    findings: tuple[Finding, ...] = ()
    """Of the draft, those that would not let it pass; at most 20."""


class Simulation(Answer):
    """One page of what a draft would have changed, oldest first."""

    draft: Digest
    replaces: Digest | None
    """The revision in force that the draft would replace; None when it would be new."""
    total: int
    """How many verdicts there are in the time asked about: for showing progress."""
    judged: int
    """How many of them this page has gone through."""
    governed: int
    """To how many of those the draft applies."""
    unchanged: int
    changed: tuple[SimulatedVerdict, ...] = ()
    skipped: tuple[str, ...] = ()
    """Ids of verdicts that cannot be given again, such as those given before their circumstances were pinned."""
    next: str | None = None


class SimulatePolicy(Query):
    """What would a draft have changed, had it been in force? The last verdict on each promotion is judged again.

    The draft is taken to be in effect, whatever its dates say; all other policies are those of that time.
    """

    subject: ClassVar[str] = "hallmark.ask.gate.policy.simulate.v1"
    answer: ClassVar[type[Answer]] = Simulation
    project: ProjectName
    document: dict[str, Any]
    since: Utc
    until: Utc | None = None
    after: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 100
