"""Dead letters as operators see them: each service keeps those that it buried, and can try them again.

They concern the whole installation, so only its administrators see them. The stream `HALLMARK_DEAD` holds the same
letters for good; whether one was replayed or dropped is on record with the service that buried it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import StringConstraints

from contracts.message import Addressed, Answer, Command, PageLimit, Query
from contracts.vocabulary import Frozen, Text, Utc

LetterId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}\.[0-9]{1,20}$")]
"""The place of the original: stream and sequence."""


class LetterState(StrEnum):
    """What has become of a dead letter."""

    WAITING = "waiting"
    """Nobody has done anything about it."""
    REPLAYED = "replayed"
    """Its message was handled after all."""
    DROPPED = "dropped"
    """Somebody decided that it need not be handled."""


class LetterSummary(Frozen):
    """One dead letter, without its body."""

    service: str
    """Who could not handle it."""
    letter_id: LetterId
    original_subject: str
    code: str
    reason: str
    deliveries: int
    at: Utc
    state: LetterState
    settled_by: str | None = None
    settled_at: Utc | None = None
    note: str = ""
    """Why it was dropped."""


class DeadLetterView(Answer):
    """One dead letter."""

    letter: LetterSummary
    message_id: str
    """Of the original: under it a replay counts once, whatever was done before."""
    headers: dict[str, str]
    """Of the original, but for its token."""
    body: str
    """Of the original, base64; the first 128 KiB."""


class DeadLetterPage(Answer):
    """Dead letters, newest first."""

    letters: tuple[LetterSummary, ...]
    next: str | None = None
    """Where the next page begins; None at the end."""
    silent: tuple[str, ...] = ()
    """Services that did not answer: theirs are missing here."""


class ListDeadLetters(Addressed, Query):
    """Which messages could the service not handle?"""

    subject: ClassVar[str] = "hallmark.ask.any.dead-letter.list.v1"
    answer: ClassVar[type[Answer]] = DeadLetterPage
    state: LetterState | None = LetterState.WAITING
    """None: all of them."""
    after: Annotated[str, StringConstraints(max_length=200)] | None = None
    limit: PageLimit = 100


class ShowDeadLetter(Addressed, Query):
    """What was in the message that could not be handled?"""

    subject: ClassVar[str] = "hallmark.ask.any.dead-letter.show.v1"
    answer: ClassVar[type[Answer]] = DeadLetterView
    letter_id: LetterId


class ReplayDeadLetter(Addressed, Command):
    """Handle a dead letter's message now, under its own id: what it did before is not done twice."""

    subject: ClassVar[str] = "hallmark.ask.any.dead-letter.replay.v1"
    answer: ClassVar[type[Answer]] = DeadLetterView
    letter_id: LetterId


class DropDeadLetter(Addressed, Command):
    """Settle a dead letter without handling its message."""

    subject: ClassVar[str] = "hallmark.ask.any.dead-letter.drop.v1"
    answer: ClassVar[type[Answer]] = DeadLetterView
    letter_id: LetterId
    reason: Annotated[Text, StringConstraints(min_length=1)]
