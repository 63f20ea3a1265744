"""A past of many promotions, written straight into MongoDB.

- One promotion really runs; whatever it left behind, in every collection of every service, is kept once for each that
  is to have been. So the past has the shape that the services themselves write, whatever that is.
- Ids and digests are replaced, the same ones in the same way wherever they stand, so that what referred to each other
  still does. Times lie further back for each. Signatures are copies and would not verify; nothing reads them again.
- Log entries are not copied but queued, and the log's own sequencer puts them into the tree.
- What is one document for an application, such as what stands in a stage, stays as it is.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from bson.timestamp import Timestamp
from pymongo import InsertOne, MongoClient
from pymongo.errors import BulkWriteError

Document = dict[str, Any]
Left = dict[tuple[str, str], list[Document]]
"""What one promotion left behind, by database and collection."""
_OWN = "hallmark_"
_LOG = {"log_entries", "log_queue", "log_tiles", "log_state", "checkpoints", "leases"}
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,}")
_BATCH = 2_000
_APART = timedelta(seconds=7)
_DUPLICATE = 11000
_APPLICATIONS = 100


def everything(client: MongoClient[Document]) -> dict[tuple[str, str], set[Any]]:
    """The keys of all documents, by database and collection."""
    return {
        (database, name): set(client[database][name].distinct("_id"))
        for database in client.list_database_names()
        if database.startswith(_OWN)
        for name in client[database].list_collection_names()
        if not name.startswith("system.")
    }


def left_behind(client: MongoClient[Document], before: dict[tuple[str, str], set[Any]]) -> Left:
    """The documents that were not there before."""
    found = {}
    for place, keys in everything(client).items():
        if new := list(keys - before.get(place, set())):
            found[place] = list(client[place[0]][place[1]].find({"_id": {"$in": new}}))
    return found


class Copying:
    """Makes the n-th copy of documents: other ids, another application, an earlier time."""

    def __init__(self, application: str, version: str) -> None:
        self._names = re.compile(f"{_ID.pattern}|{re.escape(application)}|{re.escape(version)}")
        self._application, self._version = application, version

    def copy(self, value: Any, number: int) -> Any:  # noqa: PLR0911 - one for each kind of value
        """The same with what names this copy in it."""
        match value:
            case str():
                return self._names.sub(lambda found: self._name(found[0], number), value)
            case bytes():
                return self.copy(value.decode("latin-1"), number).encode("latin-1")
            case dict():
                return {key: self.copy(one, number) for key, one in value.items()}
            case list():
                return [self.copy(one, number) for one in value]
            case Timestamp():
                return Timestamp(value.time - int(number * _APART.total_seconds()), number % 1000 + 1)
            case datetime():
                return value - number * _APART
            case _:
                return value

    def _name(self, name: str, number: int) -> str:
        if name == self._application:
            return f"past-{number % _APPLICATIONS}" if number % _APPLICATIONS else name
        if name == self._version:
            return f"{name}-{number}"
        other = hashlib.sha256(f"{number} {name}".encode()).hexdigest()
        return "-".join(other[:12] for _ in name.split("-")) if "-" in name else other[: len(name)]


def make_past(
    client: MongoClient[Document], left: Left, copying: Copying, many: int, show: Callable[[str], None]
) -> dict[str, int]:
    """Keep what a promotion left behind so many times; how many documents each collection has got."""
    made = {}
    for (database, name), documents in sorted(left.items()):
        collection = client[database][name]
        if name in _LOG:
            if name == "log_entries":
                made["evidence.log_entries"] = _queue(client, database, documents, copying, many)
            continue
        copies = (copying.copy(one, number) for number in range(1, many + 1) for one in documents)
        before = collection.estimated_document_count()
        for batch in _batches(copies):
            _insert(collection, batch)
        made[f"{database.removeprefix(_OWN)}.{name}"] = collection.estimated_document_count() - before
        show(f"{database}.{name}: {made[f'{database.removeprefix(_OWN)}.{name}']:,} documents")
    return made


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    while batch := list(islice(documents, _BATCH)):
        yield batch


def _insert(collection: Any, batch: list[Document]) -> None:
    try:
        collection.bulk_write([InsertOne(one) for one in batch], ordered=False)
    except BulkWriteError as error:
        if others := [one for one in error.details["writeErrors"] if one["code"] != _DUPLICATE]:
            raise RuntimeError(others[0]["errmsg"]) from error


def _queue(client: MongoClient[Document], database: str, entries: list[Document], copying: Copying, many: int) -> int:
    rows = (
        {
            "_id": f"past.{number}.{place}",
            "order": Timestamp(1, number),
            "place": place,
            "entry": copying.copy(entry["entry"], number),
            "about": [copying.copy(one, number) for one in entry["about"]],
            "then": None,
        }
        for number in range(1, many + 1)
        for place, entry in enumerate(entries)
    )
    for batch in _batches(rows):
        client[database]["log_queue"].insert_many(batch)
    return many * len(entries)


def wait_for_log(client: MongoClient[Document], show: Callable[[str], None]) -> None:
    """Return when the sequencer has put all entries into the log."""
    queue, told = client[f"{_OWN}evidence"]["log_queue"], 0.0
    while left := queue.estimated_document_count():
        if time.monotonic() - told > 10:  # noqa: PLR2004 - seconds
            show(f"{left:,} log entries wait for the log")
            told = time.monotonic()
        time.sleep(0.2)
