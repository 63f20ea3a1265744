"""Sessions of people in the console: who is signed in, how, since when, and until when.

- A session is 32 random bytes in a cookie. Only its SHA-256 is kept, so a copy of the database opens nothing.
- Signing in always makes a new one: a session that somebody else planted is never given rights.
- It ends after some time without use, after some time in any case, by signing out, and when it is ended from another
  one; then the cookie opens nothing.
- Whom it speaks for is asked again on each request, so that what is revoked or taken elsewhere ends here too.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.errors import Forbidden

COOKIE = "hallmark_session"
UNUSED_FOR = timedelta(hours=2)
"""Without a request for so long, a session has ended."""
AT_MOST = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=1)
"""A use is written down this often, not on every request."""
_SECRET_BYTES = 32


class Means(StrEnum):
    """How somebody signed in."""

    TOKEN = "access token"  # noqa: S105 - what it is called
    LINK = "one-time link"
    ISSUER = "identity provider"


@dataclass(frozen=True)
class Session:
    """What is kept of one session."""

    session_id: str
    """SHA-256 of the secret, in hexadecimal."""
    csrf: str
    """What every form of this session must carry."""
    means: Means
    holder: str
    """Id of the access token that it was begun with, and ends with; for `ISSUER` of the person."""
    begun_at: datetime
    used_at: datetime
    groups: tuple[str, ...] = ()
    """In which the issuer said that the person is."""

    def is_over(self, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        return now >= self.used_at + UNUSED_FOR or now >= self.begun_at + AT_MOST

    @property
    def ends_at(self) -> datetime:
        """When it is over at the latest, without another use."""
        return min(self.used_at + UNUSED_FOR, self.begun_at + AT_MOST)

    def must_note(self, now: datetime) -> bool:
        """Whether this use is to be written down."""
        return now >= self.used_at + NOTED_EVERY

    def used(self, now: datetime) -> Session:
        """The session after a request at `now`."""
        return replace(self, used_at=now)

    def refuse_forged(self, csrf: str) -> None:
        """Raises `Forbidden` for a form that this session did not hand out."""
        if not hmac.compare_digest(self.csrf.encode(), csrf.encode()):
            raise Forbidden(
                "form_forged",
                "The form was not handed out to this session.",
                remedy="Open the page anew and send the form again.",
            )


def new_secret() -> str:
    """What goes into the cookie."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def session_id_of(secret: str) -> str:
    """Under which id the session with this secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def begin(secret: str, means: Means, holder: str, now: datetime, groups: tuple[str, ...] = ()) -> Session:
    """A session that begins now."""
    return Session(session_id_of(secret), new_secret(), means, holder, now, now, groups)
