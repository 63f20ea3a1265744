"""Matching every release under watch again, and what that found."""

from __future__ import annotations

from typing import ClassVar

from contracts.message import Answer, Command, Query
from contracts.vocabulary import Frozen, Utc


class Rematch(Frozen):
    """One matching of all releases under watch against all advisories."""

    started_at: Utc
    finished_at: Utc | None = None
    """None while it is under way."""
    releases: int
    """Releases that were matched so far."""
    differences: int
    """Releases of which something else stood than what matching says now; they were repaired."""


class RematchState(Answer):
    """The last complete re-match, and the one under way."""

    last: Rematch | None = None
    under_way: Rematch | None = None
    requested: bool = False
    """True when one was asked for that has not begun."""


class RequestRematch(Command):
    """Match every release under watch again, now. While one is under way, another one follows it."""

    subject: ClassVar[str] = "hallmark.ask.monitoring.rematch.request.v1"
    answer: ClassVar[type[Answer]] = RematchState


class ShowRematch(Query):
    """When was everything last matched again, and what did that find?"""

    subject: ClassVar[str] = "hallmark.ask.monitoring.rematch.show.v1"
    answer: ClassVar[type[Answer]] = RematchState
