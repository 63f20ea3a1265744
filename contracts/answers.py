"""Answers that several services give."""

from __future__ import annotations

from typing import Literal

from contracts.message import Answer
from contracts.vocabulary import Digest


class Applied(Answer):
    """A document was taken over; applying the same one again changes nothing."""

    kind: str
    name: str
    change: Literal["created", "updated", "unchanged"]
    revision: int
    """Counts the changes of this document, from 1."""
    digest: Digest
    """Of the canonical document."""
    rejudges: int = 0
    """Of a trust root: how many pieces of evidence are judged again because of this change, in the background."""
