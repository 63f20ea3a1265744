"""What is known of the sources that are fetched: which edition was taken over, and how far the next one has been.

`advisory_fetches`  {_id: source, etag, last_modified, failures, next_at, under_way: {import_id, digest, position, ...}}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime

from contracts.vocabulary import Digest
from shared.mongo import Collection, Index

FETCHES = "advisory_fetches"
INDEXES: dict[str, tuple[Index, ...]] = {FETCHES: ()}


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An edition that is being taken over."""

    import_id: str
    digest: Digest
    """Of the download: another one is another edition."""
    etag: str
    last_modified: str
    position: int = 0
    """Batches that were taken over."""
    records: int = 0
    """Records in them."""


@dataclass(frozen=True, slots=True)
class FetchState:
    """One source."""

    source: str
    etag: str = ""
    """Of the newest edition that was taken over to its end."""
    last_modified: str = ""
    failures: int = 0
    """Attempts in a row that failed."""
    next_at: datetime | None = None
    under_way: UnderWay | None = field(default=None)


class FetchRepository:
    """The sources that are fetched."""

    def __init__(self, fetches: Collection) -> None:
        self._fetches = fetches

    async def get(self, source: str) -> FetchState:
        """What is known of one; nothing of a new one."""
        found = await self._fetches.get(source)
        if found is None:
            return FetchState(source)
        under_way = found["under_way"]
        return FetchState(
            source=source,
            etag=found["etag"],
            last_modified=found["last_modified"],
            failures=found["failures"],
            next_at=found["next_at"],
            under_way=UnderWay(**under_way) if under_way else None,
        )

    async def put(self, state: FetchState) -> None:
        """Keep it."""
        row = asdict(state)
        await self._fetches.put({"_id": row.pop("source"), **row})
