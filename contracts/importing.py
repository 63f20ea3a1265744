"""The words about imports, and about fetching what is imported."""

from __future__ import annotations

from enum import StrEnum

from contracts.vocabulary import Frozen, Utc


class ImportState(StrEnum):
    """How far an import has come."""

    RUNNING = "running"
    COMPLETE = "complete"
    PARTIAL = "partial"


class ImportCounts(Frozen):
    """What became of the records of one import."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    """Known already, or older than what is known."""
    withdrawn: int = 0
    """How many of the three above have been taken back by their database."""
    malformed: int = 0
    """Could not be read and are quarantined."""


class FetchStanding(Frozen):
    """What became of the newest attempt to fetch a configured source."""

    at: Utc
    outcome: str
    """`imported`, `unchanged` (the publisher said so) or `failed`."""
    problem: str = ""
    next_at: Utc
    """When it is looked at again, at the earliest."""
    failures: int = 0
    """Attempts in a row that failed."""
