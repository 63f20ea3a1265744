"""What happened to one version, in order: pure.

- Nothing is decided or remembered here: entries are the services' own records, put in order of time.
- Of the same moment, causes stand before effects: evidence, waivers and requests before verdicts, those before moves.
- A source that has more than was read makes the timeline begin later for all: one with holes would tell another story.
  What happened before `complete_since` is left out then, and `cut` says so.
- A page goes on after the key of its last entry, whatever was added meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import StringConstraints

from contracts.message import Answer
from contracts.vocabulary import (
    ApplicationName,
    Digest,
    Frozen,
    ProjectName,
    StageName,
    Utc,
    VersionName,
    utc,
)

_RANKS = {
    "version.drafted": 0,
    "version.registered": 0,
    "version.sealed": 1,
    "evidence": 2,
    "waiver": 3,
    "promotion.requested": 4,
    "approval": 5,
    "verdict": 6,
    "approval.withdrawn": 7,
    "promotion": 8,
    "version": 9,
    "trust": 10,
}
"""By kind, else by its first word."""
STEP_DIGITS = 5
"""Digits of the place that a step has among those of one thing, in `order`."""
Key = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T[0-9:.]{8,15}Z~\d{2}~.{0,300}$")]
"""Where an entry stands; keys sort as entries do."""


class TimelineEntry(Frozen):
    """One thing that happened."""

    key: Key
    at: Utc
    kind: str
    """Noun and verb, such as `evidence.received`; of promotions, the noun and the state they came to."""
    by: str | None = None
    """Who did it, as a subject that signs in; None for Hallmark itself."""
    says: str
    """What happened, in one sentence."""
    result: str | None = None
    """What came of it: a standing of evidence, an outcome of gates, a state, a trust."""
    stage: StageName | None = None
    id: str | None = None
    """Of what it is about: evidence, verdict, promotion or waiver."""
    link: str | None = None
    """Where the API shows that."""
    promotion_id: str | None = None
    attempt: int | None = None
    open: tuple[str, ...] = ()
    """Of a verdict: the rules that did not let it pass, as `stage gate policy/rule: what was observed`."""


class Timeline(Answer):
    """Everything that happened to one version, oldest first."""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    entries: tuple[TimelineEntry, ...]
    cut: bool = False
    """Whether older entries are left out for good, since there are too many."""
    complete_since: Utc | None = None
    """When `cut`: from here on nothing is missing, but for what became later of things that began before."""
    next: str | None = None
    """Pass as `after` to read on; None at the end."""


def entry(kind: str, at: datetime, says: str, *, order: str = "", **more: Any) -> TimelineEntry:
    """One entry with its key. `order` tells apart what happened to one thing at one moment, such as its steps."""
    rank = _RANKS.get(kind, _RANKS[kind.partition(".")[0]])
    key = f"{utc(at)}~{rank:02}~{order}{more.get('id') or ''}"
    sentence = says if says.endswith((".", "!", "?")) else f"{says}."
    return TimelineEntry.model_validate({"key": key, "at": at, "kind": kind, "says": sentence, **more})


def page(
    entries: Iterable[TimelineEntry], *, since: datetime | None, after: str | None, limit: int
) -> tuple[Sequence[TimelineEntry], str | None]:
    """The entries after a key, from `since` on, and the key to go on after; None at the end."""
    wanted = [one for one in entries if (since is None or one.at >= since) and (after is None or one.key > after)]
    ordered = sorted(wanted, key=lambda one: one.key)
    return ordered[:limit], ordered[limit - 1].key if len(ordered) > limit else None
