"""How far the matching of all releases has come.

`rematching`  {_id: "rematch", started_at, cursor, releases, differences, requested, last}
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from contracts.monitoring.v1.rematching import Rematch, RematchState
from services.monitoring.domain.rematching import Progress
from shared.mongo import Collection, Document, Index

REMATCHING = "rematching"
INDEXES: dict[str, tuple[Index, ...]] = {REMATCHING: ()}
_KEY = "rematch"


class RematchRepository:
    """The one document about it."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def progress(self, now: datetime) -> Progress:
        """Where it stands. The first time of all counts as if one had just begun: it is made when it is due."""
        found = await self._collection.get(_KEY)
        if found is None:
            first = {"$setOnInsert": _fields(Progress(now))}
            found = await self._collection.change({"_id": _KEY}, first, upsert=True)
        return _progress(found or _fields(Progress(now)))

    async def keep(self, progress: Progress) -> None:
        """Keep how far it has come."""
        fields = _fields(progress)
        # Whoever asks for one in the meantime must not be forgotten.
        del fields["requested"]
        await self._collection.change({"_id": _KEY}, {"$set": fields})

    async def begin(self, now: datetime) -> None:
        """Begin one: whoever asked for it gets it."""
        await self._collection.change({"_id": _KEY}, {"$set": _fields(Progress(now, cursor=""))})

    async def end(self, progress: Progress, now: datetime) -> None:
        """Every release has been matched."""
        last = {"finished_at": now, **_counts(progress)}
        await self._collection.change({"_id": _KEY}, {"$set": {"cursor": None, "last": last}})

    async def request(self, now: datetime) -> None:
        """Have one begin as soon as none is under way."""
        unset = {name: value for name, value in _fields(Progress(now)).items() if name != "requested"}
        change = {"$set": {"requested": True}, "$setOnInsert": unset}
        await self._collection.change({"_id": _KEY}, change, upsert=True)

    async def state(self) -> RematchState:
        """What to tell of it."""
        found = await self._collection.get(_KEY)
        if found is None:
            return RematchState()
        progress = _progress(found)
        return RematchState(
            last=Rematch.model_validate(found["last"]) if found.get("last") else None,
            under_way=None if progress.cursor is None else Rematch.model_validate(_counts(progress)),
            requested=progress.requested,
        )


def _fields(progress: Progress) -> Document:
    return asdict(progress)


def _counts(progress: Progress) -> Document:
    return {
        "started_at": progress.started_at,
        "releases": progress.releases,
        "differences": progress.differences,
    }


def _progress(found: Document) -> Progress:
    return Progress(found["started_at"], found["cursor"], found["releases"], found["differences"], found["requested"])
