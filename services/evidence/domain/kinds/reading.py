"""What reading a predicate gives, and the words that its readers share.

- Readers declare the part of a format that they need as a model; everything else is ignored.
- What does not fit the model is unreadable as a whole: half a bill of materials or half a scan looks better than
  the whole one.
- A time must name its offset; one that does not is unreadable, not now.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from contracts.facts import Component, Facts

_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,12})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


class UnreadableError(Exception):
    """A predicate that cannot be read, where no model says so: `where` is a path or a place, `problem` a sentence."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


@dataclass(frozen=True)
class Reading:
    """What one predicate says."""

    facts: Facts
    components: tuple[Component, ...] = ()
    """The distinct components of a bill of materials, sorted by package URL."""
    claimed_at: datetime | None = None
    """When it says it was found out, never later than it was received; None when it does not say."""


class Part(BaseModel):
    """The part of a tool's format that is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("is not an RFC 3339 time with its offset")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the calendar") from error


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
"""A point in time as RFC 3339 writes it, read as UTC; fractions beyond microseconds are cut off."""


def _moment_if_any(value: Any) -> datetime | None:
    try:
        return _moment(value)
    except ValueError:
        return None


MomentIfAny = Annotated[AwareDatetime | None, BeforeValidator(_moment_if_any)]
"""A `Moment` that decides nothing about the document around it: what is no time is None."""
