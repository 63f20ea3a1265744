"""Sessions of people in MongoDB."""

from __future__ import annotations

from datetime import datetime

from services.gateway.sessions import AT_MOST, Session
from shared.mongo import Collection, Document, Index

COLLECTION = "sessions"
INDEXES = (Index((("begun_at", 1),), expire_after_seconds=int(AT_MOST.total_seconds())),)


class SessionRepository:
    """All sessions."""

    def __init__(self, sessions: Collection) -> None:
        self._sessions = sessions

    async def known_as(self, session_id: str) -> Session | None:
        """The session with that id."""
        found = await self._sessions.get(session_id)
        return _from_document(found) if found else None

    async def add(self, session: Session) -> None:
        """Keep a new session."""
        await self._sessions.add(_to_document(session))

    async def note_use(self, session_id: str, at: datetime) -> None:
        """The session was used at that time."""
        await self._sessions.update({"_id": session_id}, {"$max": {"used_at": at}})

    async def end(self, session_id: str) -> None:
        """The session opens nothing from now on."""
        await self._sessions.remove({"_id": session_id})


def _to_document(session: Session) -> Document:
    return {
        "_id": session.session_id,
        "csrf": session.csrf,
        "token_id": session.token_id,
        "begun_at": session.begun_at,
        "used_at": session.used_at,
    }


def _from_document(found: Document) -> Session:
    return Session(
        session_id=found["_id"],
        csrf=found["csrf"],
        token_id=found["token_id"],
        begun_at=found["begun_at"],
        used_at=found["used_at"],
    )
