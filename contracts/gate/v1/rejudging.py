"""Releases judged again: whether what admitted them would admit them still.

- A release is judged by the policies that admitted it, as they were then. Newer policies take no trust away.
- Only a change is said. Of what is said of one admission, the highest `revision` is the newest.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.message import Event
from contracts.vocabulary import (
    ApplicationName,
    Digest,
    Frozen,
    Outcome,
    PolicyName,
    ProjectName,
    StageName,
    Utc,
    VersionName,
)

MAX_RULES = 50
"""How many rules one fact lists."""


class FailingRule(Frozen):
    """A rule that let a release pass and does not any more, at one stage."""

    policy: PolicyName
    rule: str
    stage: StageName
    title: str
    outcome: Outcome
    """`deny`: something stands against it. `pending`: what it rested on is missing, or too old."""
    observed: str
    """What is there now, in one sentence; at most 500 characters, as the other texts."""
    required: str = ""
    remedy: str = ""
    since: Utc
    """When it was first found to fail."""
    ended_waivers: tuple[str, ...] = ()
    """Ids of the waivers that carried it and are over."""


class WaivedRule(Frozen):
    """A rule that lets a release pass by waivers only."""

    policy: PolicyName
    rule: str
    stage: StageName
    waivers: tuple[str, ...]


class ReleaseRejudged(Event):
    """The policies that admitted a trusted release were judged again, and say something else than before."""

    subject: ClassVar[str] = "hallmark.evt.gate.release.rejudged.v1"
    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    verdict_id: str
    """The verdict that admitted it."""
    released_at: Utc
    """When that release was said to be trusted: an earlier or later release of the version has another one."""
    revision: int
    """Counts what was said of this admission, from 1."""
    outcome: Outcome
    """The worst of the rules that count; `allow` when all of them let it pass again."""
    failing: Annotated[tuple[FailingRule, ...], Field(max_length=MAX_RULES)] = ()
    failing_count: int = 0
    """All of them."""
    waived: Annotated[tuple[WaivedRule, ...], Field(max_length=MAX_RULES)] = ()
    at: Utc
