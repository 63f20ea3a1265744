"""Versions that were registered, released or not: what they consist of, and the stage each entered last.

- Facts may come in any order: a version is known from the first that names it, and the rest is filled in.
- The stage is that of the newest move, by the time of the move. A certification in place moves nothing.
- Of each subject the newest verified bill of materials counts, as for releases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from contracts.vocabulary import Digest, StageName, utc
from services.monitoring.domain.release import Context


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """One version of an application."""

    project: str
    application: str
    version: str
    digest: Digest
    own: tuple[Digest, ...]
    """The version's digest and its artifacts."""
    context: Context
    subjects: tuple[Digest, ...] = ()
    """All of them, contained versions included."""
    sboms: tuple[str, ...] = ()
    """Keys of the bills of materials that count, sorted."""
    stage: StageName | None = None
    moved_at: str = ""
    """When it entered `stage`, as the one textual form of a time; empty for never."""
    registered: bool = False
    """Whether the registry said what it consists of."""
    revision: int = 0

    @property
    def key(self) -> str:
        """What it is stored under."""
        return f"{self.project}/{self.application}/{self.version}"

    def moved(self, stage: StageName, at: datetime) -> KnownVersion:
        """As it stands after a move, unless a later one is known."""
        moment = utc(at)
        return replace(self, stage=stage, moved_at=moment) if moment >= self.moved_at else self
