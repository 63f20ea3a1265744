"""What becomes of one fact on its way to one receiver: pure.

- `pending` until the receiver answers with 2xx: then `delivered`. After the last attempt it is `dead`: kept, listed,
  and sent again only when somebody asks for it.
- Attempts are spaced by twice the time before, up to six hours, give or take a fifth: with the usual settings fifteen
  attempts within about a day. A receiver that names a time (`Retry-After`) is given it, up to an hour.
- A receiver that answers 410 is gone: nothing is tried again, and its webhook is disabled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus

from contracts.vocabulary import utc

LONGEST_WAIT = timedelta(hours=6)
_LONGEST_WISH = timedelta(hours=1)
_SPREAD = 0.2
_REMEMBERED = 20


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True)
class Attempt:
    """One try."""

    at: datetime
    milliseconds: int
    status: int | None
    """HTTP status; None when no answer came."""
    problem: str
    """Empty when it was taken."""


@dataclass(frozen=True)
class Delivery:
    """One fact for one receiver."""

    delivery_id: str
    webhook_id: str
    project: str
    application: str
    kind: str
    headers: dict[str, str]
    body: bytes
    created_at: datetime
    next_at: datetime
    """When it is tried; while it is being tried: when somebody else may."""
    sequence: int | None = None
    """Its place in the stream of facts; None for a ping."""
    state: DeliveryState = DeliveryState.PENDING
    tries: int = 0
    """Begun since it was made or replayed."""
    attempts: tuple[Attempt, ...] = ()
    """The newest twenty that ended, oldest first."""


@dataclass(frozen=True)
class Patience:
    """How often and how far apart."""

    first: timedelta = timedelta(seconds=10)
    tries: int = 15

    def wait(self, tries: int, chance: float) -> timedelta:
        """How long to wait after that many tries; `chance` from 0 to 1 spreads them."""
        doubled = self.first * (1 << min(max(tries - 1, 0), 20))
        return min(doubled, LONGEST_WAIT) * (1 - _SPREAD + 2 * _SPREAD * chance)


def settled(
    delivery: Delivery, attempt: Attempt, patience: Patience, *, chance: float, retry_after: float | None = None
) -> Delivery:
    """The delivery after an attempt."""
    known = replace(delivery, attempts=(*delivery.attempts, attempt)[-_REMEMBERED:])
    if not attempt.problem:
        return replace(known, state=DeliveryState.DELIVERED)
    if attempt.status == HTTPStatus.GONE or delivery.tries >= patience.tries:
        return replace(known, state=DeliveryState.DEAD)
    wish = min(timedelta(seconds=retry_after or 0), _LONGEST_WISH)
    ended_at = attempt.at + timedelta(milliseconds=attempt.milliseconds)
    return replace(known, next_at=ended_at + max(wish, patience.wait(delivery.tries, chance)))


def why_disable(attempt: Attempt, failing_since: datetime | None, longest: timedelta) -> str:
    """Why nothing more should be sent to a receiver after this attempt; empty while there is hope.

    `failing_since` is the first attempt that failed since one was taken, as it was known before this one.
    """
    if not attempt.problem:
        return ""
    if attempt.status == HTTPStatus.GONE:
        return "its receiver answered that it is gone"
    if failing_since is not None and attempt.at - failing_since >= longest:
        return f"it has taken nothing since {utc(failing_since)}"
    return ""


def replayed(delivery: Delivery, at: datetime) -> Delivery:
    """The same fact under the same id once more, with all its tries."""
    return replace(delivery, state=DeliveryState.PENDING, tries=0, next_at=at)


def wished_seconds(retry_after: str | None) -> float | None:
    """How long a receiver asks to wait; None when it says nothing, or names a date."""
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004 - 30 years
