"""Sessions of people in MongoDB."""

from __future__ import annotations

from datetime import datetime

from services.gateway.sessions import AT_MOST, Means, Session
from shared.mongo import Collection, Document, Index

COLLECTION = "sessions"
INDEXES = (
    Index((("begun_at", 1),), expire_after_seconds=int(AT_MOST.total_seconds())),
    Index((("holder", 1), ("begun_at", -1))),
)
MOST_SHOWN = 100


class SessionRepository:
    """All sessions."""

    def __init__(self, sessions: Collection) -> None:
        self._sessions = sessions

    async def known_as(self, session_id: str) -> Session | None:
        """The session with that id."""
        found = await self._sessions.get(session_id)
        return _from_document(found) if found else None

    async def of(self, holder: str) -> list[Session]:
        """The newest sessions of one holder."""
        found = await self._sessions.find({"holder": holder}, sort=(("begun_at", -1),), limit=MOST_SHOWN)
        return [_from_document(one) for one in found]

    async def add(self, session: Session) -> None:
        """Keep a new session."""
        await self._sessions.add(_to_document(session))

    async def note_use(self, session_id: str, at: datetime) -> None:
        """The session was used at that time."""
        await self._sessions.update({"_id": session_id}, {"$max": {"used_at": at}})

    async def end(self, session_id: str, holder: str | None = None) -> int:
        """The session opens nothing from now on, if it is this holder's where one is named; how many that were."""
        whose: Document = {"holder": holder} if holder is not None else {}
        return await self._sessions.remove({"_id": session_id, **whose})

    async def end_others(self, holder: str, session_id: str) -> int:
        """None of the holder's sessions but this one opens anything from now on; how many there were."""
        return await self._sessions.remove({"holder": holder, "_id": {"$ne": session_id}})

    async def end_all(self, holder: str) -> int:
        """None of the holder's sessions opens anything from now on; how many there were."""
        return await self._sessions.remove({"holder": holder})


def _to_document(session: Session) -> Document:
    return {
        "_id": session.session_id,
        "csrf": session.csrf,
        "means": session.means.value,
        "holder": session.holder,
        "begun_at": session.begun_at,
        "used_at": session.used_at,
        "groups": list(session.groups),
    }


def _from_document(found: Document) -> Session:
    return Session(
        session_id=found["_id"],
        csrf=found["csrf"],
        means=Means(found["means"]),
        holder=found["holder"],
        begun_at=found["begun_at"],
        used_at=found["used_at"],
        groups=tuple(found["groups"]),
    )
