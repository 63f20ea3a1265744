"""Why something did not happen, and whether asking again could help.

    HallmarkError
      Rejection          permanent: the same request will be refused again
        NotFound           what was named does not exist
        Conflict           it contradicts what is already there
        Forbidden          the actor may not
        Unauthenticated    nobody has proven who asks
        Invalid            it is malformed
        TooLarge           it exceeds a limit
      Transient          try again: nothing was decided
        Busy               try again later: too much is under way

A denial by a gate is an answer, not an error.
"""

from __future__ import annotations


class HallmarkError(Exception):
    """Every error that Hallmark raises on purpose.

    `code` is stable and part of the contract (`<noun>_<problem>`), the message says in one sentence what was wrong
    and where, `remedy` says in one sentence what to do next.
    """

    def __init__(self, code: str, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy


class Rejection(HallmarkError):
    """Permanent: the same request will be refused again."""


class NotFound(Rejection):
    """What was named does not exist, or the actor may not know that it does."""


class Conflict(Rejection):
    """It contradicts what is already there."""


class Forbidden(Rejection):
    """The actor is known and may not do this."""


class Unauthenticated(Rejection):
    """Nobody has proven who asks."""


class Invalid(Rejection):
    """It is malformed, or says something impossible."""


class TooLarge(Rejection):
    """It exceeds a limit."""


class Transient(HallmarkError):
    """Try again later: nothing was decided, nothing was stored."""


class Busy(Transient):
    """Too much is under way: slow down, and try again after `retry_after` seconds."""

    def __init__(self, code: str, message: str, *, retry_after: float, remedy: str = "Send less at a time.") -> None:
        super().__init__(code, message, remedy=remedy)
        self.retry_after = retry_after
