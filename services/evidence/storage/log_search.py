"""Looking for entries of the log: by what they are about, by kind, project and time, from either end.

- A row carries the kind and project of its entry beside it, for the index alone: what is hashed is never touched.
- Times grow with places, but for the minutes that clocks may differ by: so a time is a place, found by halving.
"""

from __future__ import annotations

import json
from datetime import datetime

from contracts.evidence.v1.queries import ListLogEntries
from contracts.evidence.v1.views import LoggedEntry, LogPage
from contracts.vocabulary import utc
from services.evidence.domain.log import EntryKind
from shared.messaging.scope import Scope
from shared.mongo import Collection, Document, Index

COLLECTION = "log_entries"
INDEXES = (
    Index((("about", 1), ("_id", 1))),
    Index((("project", 1), ("kind", 1), ("_id", 1))),
    Index((("kind", 1), ("_id", 1))),
)


def filed(entry: bytes) -> Document:
    """What a row says of its entry beside it."""
    said = json.loads(entry)
    return {"kind": said["kind"], "project": said["project"]}


async def search(scope: Scope, query: ListLogEntries) -> LogPage:
    """Entries in the order of the log, or the newest first."""
    entries = scope.collection(COLLECTION)
    first, end = await _places(entries, query)
    where: Document = {"_id": {"$gte": first} | ({} if end is None else {"$lt": end})}
    if query.about:
        where["about"] = query.about
    if query.kind:
        where["kind"] = query.kind
    if query.project:
        where["project"] = query.project
        # With every kind named, the index gives the entries of a project in the order of the log.
        where.setdefault("kind", {"$in": [kind.value for kind in EntryKind]})
    found = await entries.find(where, sort=(("_id", -1 if query.newest_first else 1),), limit=query.limit + 1)
    page = tuple(logged(one) for one in found[: query.limit])
    return LogPage(entries=page, next=page[-1].index if len(found) > query.limit else None)


def logged(row: Document) -> LoggedEntry:
    """A row as it is shown."""
    leaf = "sha256:" + bytes(row["leaf"]).hex()
    return LoggedEntry(index=row["_id"], entry=bytes(row["entry"]).decode(), leaf_hash=leaf)


async def _places(entries: Collection, query: ListLogEntries) -> tuple[int, int | None]:
    """The first place that is asked about, and the first one behind."""
    first = query.after + 1
    if query.since:
        first = max(first, await _place_at(entries, query.since))
    ends = [] if query.before is None else [query.before]
    if query.until:
        ends.append(await _place_at(entries, query.until))
    return first, min(ends, default=None)


async def _place_at(entries: Collection, moment: datetime) -> int:
    """The first place whose entry was recorded at that moment or later."""
    newest = await entries.find({}, sort=(("_id", -1),), limit=1, only={"_id": 1})
    low, high = 0, newest[0]["_id"] + 1 if newest else 0
    wanted = utc(moment)
    while low < high:
        middle = (low + high) // 2
        row = await entries.get(middle)
        if row is not None and json.loads(bytes(row["entry"]))["recorded_at"] < wanted:
            low = middle + 1
        else:
            high = middle
    return low
