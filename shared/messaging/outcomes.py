"""What becomes of a message, in one table.

| raised                     | event, tell, intake                    | ask                              |
|----------------------------|----------------------------------------|----------------------------------|
| nothing                    | ack                                    | `Accepted`                       |
| `AlreadyHandledError`      | ack                                    | the stored reply                 |
| `Rejection`                | dead letter, then term                 | `Rejected`                       |
| `Transient`, or a bug      | nak with growing delay; dead letter    | `Unavailable`                    |
|                            | after `Retries.max_deliveries`          |                                  |
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.replies import Rejected, RejectionKind, Unavailable
from shared import errors


@dataclass(frozen=True)
class Retries:
    """How patiently a message is tried again: with these defaults for about three and a half minutes."""

    max_deliveries: int = 12
    first_delay: float = 0.2
    """Seconds; doubles with every delivery."""
    longest_delay: float = 60.0

    def delay(self, deliveries: int) -> float:
        """Seconds to wait after the given number of deliveries."""
        return min(self.first_delay * 2.0 ** min(deliveries - 1, 20), self.longest_delay)


_KINDS: tuple[tuple[type[errors.Rejection], RejectionKind], ...] = (
    (errors.NotFound, RejectionKind.NOT_FOUND),
    (errors.Conflict, RejectionKind.CONFLICT),
    (errors.Forbidden, RejectionKind.FORBIDDEN),
    (errors.Unauthenticated, RejectionKind.UNAUTHENTICATED),
    (errors.TooLarge, RejectionKind.TOO_LARGE),
    (errors.Invalid, RejectionKind.INVALID),
)


def failed_reply(error: Exception) -> Rejected | Unavailable:
    """The answer to an ask that raised. Bugs are not described to callers: the log has them."""
    match error:
        case errors.Rejection():
            kind = next((kind for cls, kind in _KINDS if isinstance(error, cls)), RejectionKind.INVALID)
            return Rejected(kind=kind, code=error.code, message=error.message, remedy=error.remedy)
        case errors.Busy():
            return Unavailable(
                code=error.code, message=error.message, remedy=error.remedy, retry_after=error.retry_after
            )
        case errors.Transient():
            return Unavailable(code=error.code, message=error.message)
        case _:
            return Unavailable(
                code="internal_error",
                message="Something failed inside Hallmark; the log has the details under this correlation id.",
            )


def raised_by(reply: Rejected | Unavailable) -> errors.HallmarkError:
    """The error behind a reply, to raise on the asking side."""
    match reply:
        case Rejected():
            cls = next(cls for cls, kind in _KINDS if kind is reply.kind)
            return cls(reply.code, reply.message, remedy=reply.remedy)
        case Unavailable(retry_after=float(seconds)):
            return errors.Busy(reply.code, reply.message, remedy=reply.remedy, retry_after=seconds)
        case Unavailable():
            return errors.Transient(reply.code, reply.message, remedy=reply.remedy)
