"""A dead letter, as the message that it once was."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from contracts.headers import Meta
from contracts.message import DeadLetter, Event, Intake, Message
from shared.errors import Conflict, Invalid
from shared.messaging.dead_letters import LONGEST_BODY
from shared.messaging.handlers import Handlers, Heard
from shared.messaging.headers import read_meta

_WORDS_OF_A_FACT = 6
"""The tokens of a fact's subject before its project and its application."""


def unburied(letter: DeadLetter, handlers: Handlers[Any], now: datetime) -> tuple[Heard, Message, Meta]:
    """Who handles it, what it says and under which id, as on its first delivery.

    Raises `Conflict` for letters that cannot be handled from what was kept of them, `Invalid` for malformed ones.
    """
    heard = _heard(letter.original_subject, handlers)
    if issubclass(heard.message, Intake):
        raise Conflict(
            "dead_letter_without_token",
            "What comes from outside is believed for its token, and tokens are not kept.",
            remedy="Have it published again by whoever published it, and drop this letter.",
        )
    body = base64.b64decode(letter.body)
    if len(body) >= LONGEST_BODY:
        raise Conflict(
            "dead_letter_cut",
            f"Only the first {LONGEST_BODY} bytes of the message were kept.",
            remedy="Have its sender say it again, and drop this letter.",
        )
    try:
        message = heard.message.model_validate_json(body)
    except ValidationError as error:
        raise Invalid(
            "message_malformed", f"It is no {heard.message.__name__} to this release either.", remedy="Drop it."
        ) from error
    return heard, message, read_meta(letter.headers, fallback_id=letter.original_id, now=now)


def _heard(subject: str, handlers: Handlers[Any]) -> Heard:
    words = subject.split(".")
    for heard in handlers.heard.values():
        own = ".".join(words[:_WORDS_OF_A_FACT]) if issubclass(heard.message, Event) else subject
        if own == heard.message.subject:
            return heard
    raise Conflict(
        "dead_letter_unheard", f"Nothing here hears {subject} any more.", remedy="Drop the letter, or run its release."
    )
