"""Many applications and versions from one of each kind, written straight into MongoDB.

- Documents are copied as the bytes they are on the disk: what names the application, a version or a thing of theirs is
  replaced by something of the same length, the same everywhere, so that what referred to each other still does. Ids
  that were there before (policies, keys, advisories) stay what they are.
- Past times lie further back for each copy; future ones stay, so that no sweep finds all of them due at once.
- A document is one for each application when only the application names it, and one for each version otherwise. What
  stands in a stage belongs to the first copy of its kind.
- Signatures are copies and would not verify; nothing that is shown verifies them again. Log entries are not copied but
  queued, and the log's own sequencer puts them into the tree.
"""

from __future__ import annotations

import hashlib
import re
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import bson
from bson.objectid import ObjectId
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from pymongo import MongoClient, WriteConcern
from pymongo.errors import BulkWriteError

Raw = dict[tuple[str, str], dict[bytes, bytes]]
"""Documents by database and collection, and by the bytes of their keys."""
OWN = "hallmark_"
TECHNICAL = frozenset({"inbox", "outbox", "leases", "dead_letters", "streams"})
_LOG = {"log_entries", "log_queue", "log_tiles", "log_state", "checkpoints"}
_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,}")
_BATCH = 2_000
_DUPLICATE = 11000
_DASHED = 36
"""Characters of a UUID."""
APPLICATION = "application"


def everything(client: MongoClient[Any], without: frozenset[str] = TECHNICAL) -> Raw:
    """All documents, as bytes, without those of some collections."""
    found: Raw = {}
    for database in client.list_database_names():
        if not database.startswith(OWN):
            continue
        for name in client[database].list_collection_names():
            if name in without or name.startswith("system."):
                continue
            documents = client[database].get_collection(name, codec_options=_RAW).find()
            found[database, name] = {bson.encode({"_id": one["_id"]}): bytes(one.raw) for one in documents}
    return found


_RAW: Any = bson.codec_options.CodecOptions(document_class=RawBSONDocument)


@dataclass
class Steps:
    """What each step of making the scene has brought: ids by the step that first named them."""

    names: dict[str, bytes]
    """The name that each step gives to what it makes: the application's, and each kind's version."""
    levels: dict[bytes, str] = field(default_factory=dict)
    seen: Raw = field(default_factory=dict)

    def note(self, step: str, now: Raw) -> None:
        """After a step; an empty one for what is never copied."""
        if step:
            self.levels[self.names[step]] = step
        for document in self._changed(now):
            for found in _ID.findall(document):
                self.levels.setdefault(found, step)
        self.seen = now

    def note_consequences(self, now: Raw) -> None:
        """After a step that made things of all kinds: each belongs to the kind of version that it names."""
        for document in self._changed(now):
            if level := self.level(document):
                for found in _ID.findall(document):
                    self.levels.setdefault(found, level)
        self.seen = now

    def _changed(self, now: Raw) -> Iterator[bytes]:
        for place, documents in now.items():
            before = self.seen.get(place, {})
            yield from (document for key, document in documents.items() if before.get(key) != document)

    def level(self, key: bytes) -> str:
        """Of what a document is one: of a kind of version, of the application, or of neither."""
        found = {self.levels.get(name, "") for name in self._tokens().findall(key)}
        kinds = found - {"", APPLICATION}
        return min(kinds) if kinds else APPLICATION if APPLICATION in found else ""

    def _tokens(self) -> re.Pattern[bytes]:
        return re.compile(b"|".join((_ID.pattern, *(re.escape(one) for one in self.names.values()))))

    def pattern(self, document: bytes, now: datetime) -> Pattern:
        """The document, cut where copies differ."""
        cuts: list[tuple[int, int, str, Any]] = [
            (one.start(), one.end(), self.levels[one[0]], one[0])
            for one in self._tokens().finditer(document)
            if self.levels.get(one[0])
        ]
        said = bson.decode(document, _AWARE)
        if isinstance(key := said["_id"], ObjectId):
            begin = document.index(key.binary)
            cuts.append((begin, begin + len(key.binary), self.level(document), key.binary))
        for value in {*_times(said)}:
            past = value.as_datetime() if isinstance(value, Timestamp) else value
            if past <= now:
                written = _written(value)
                cuts += [(one.start(), one.end(), "", value) for one in re.finditer(re.escape(written), document)]
        return Pattern.cut(document, sorted(cuts, key=lambda one: one[:2]))


_AWARE: Any = bson.codec_options.CodecOptions(tz_aware=True)


def _times(value: Any) -> Iterator[datetime | Timestamp]:
    if isinstance(value, datetime | Timestamp):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _times(one)
    elif isinstance(value, list):
        for one in value:
            yield from _times(one)


def _written(value: datetime | Timestamp) -> bytes:
    """As it lies in a document."""
    if isinstance(value, Timestamp):
        return struct.pack("<II", value.inc, value.time)
    return struct.pack("<q", int((value - _EPOCH) / timedelta(milliseconds=1)))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Pattern:
    """Bytes that stay, and between them what is replaced."""

    fixed: tuple[bytes, ...]
    gaps: tuple[tuple[str, Any], ...]
    """The level and the name, or no level and the time."""

    @classmethod
    def cut(cls, document: bytes, cuts: list[tuple[int, int, str, Any]]) -> Pattern:
        """Leave out what overlaps an earlier cut."""
        fixed, gaps, at = [], [], 0
        for begin, end, level, what in cuts:
            if begin >= at:
                fixed.append(document[at:begin])
                gaps.append((level, what))
                at = end
        return cls((*fixed, document[at:]), tuple(gaps))

    def copy(self, names: Copy) -> bytes:
        """One copy."""
        parts = [self.fixed[0]]
        for (level, what), then in zip(self.gaps, self.fixed[1:], strict=True):
            parts += (names.named(level, what) if level else names.shifted(what), then)
        return b"".join(parts)


class Copy:
    """How one copy differs: the number of its application, and that of its version within its kind."""

    def __init__(self, steps: Steps, application: int, kind: str, version: int, back: timedelta) -> None:
        self._steps, self._application, self._kind, self._version = steps, application, kind, version
        self._back = back
        self._known: dict[bytes, bytes] = {}

    def named(self, level: str, name: bytes) -> bytes:
        """What stands in a copy for a name of the scene."""
        if name not in self._known:
            self._known[name] = self._name(level, name)
        return self._known[name]

    def _name(self, level: str, name: bytes) -> bytes:
        version = self._version if level == self._kind else 0
        number = self._application if level == APPLICATION else version
        if name == self._steps.names[level]:
            return re.sub(rb"1\d{3,}", lambda found: b"%d" % (int(found[0]) + number), name, count=1)
        if not self._application and not number:
            return name
        other = hashlib.sha256(b"%d %d " % (self._application, version) + name).hexdigest().encode() * 4
        if len(name) == _DASHED:
            return b"-".join((other[:8], other[8:12], other[12:16], other[16:20], other[20:32]))
        return other[: len(name)]

    def shifted(self, value: datetime | Timestamp) -> bytes:
        """An earlier time."""
        if isinstance(value, Timestamp):
            return _written(Timestamp(value.time - int(self._back.total_seconds()), value.inc))
        return _written(value - self._back)


@dataclass(frozen=True)
class Wanted:
    """How many there are to be."""

    applications: int
    versions: dict[str, int]
    """By kind, of each application."""
    logged: int
    """Log entries, at most."""
    apart: timedelta = timedelta(minutes=7)
    """How much earlier each copy is than the one before."""
    young: frozenset[str] = frozenset()
    """Kinds that stay as young as they are: what waits and is old would be asked about again by the saga."""


def multiply(client: MongoClient[Any], steps: Steps, wanted: Wanted, show: Callable[[str], None]) -> dict[str, int]:
    """Copy everything; how many documents each collection has got."""
    made, now = {}, datetime.now(UTC)
    for (database, name), documents in sorted(steps.seen.items()):
        if name in _LOG:
            continue
        by_level: dict[str, list[Pattern]] = {}
        for key, document in documents.items():
            # An id that the driver made says nothing: then it is what the document names.
            said = document if isinstance(bson.decode(key)["_id"], ObjectId) else key
            if level := steps.level(said):
                by_level.setdefault(level, []).append(steps.pattern(document, now))
        unjournaled = WriteConcern(w=1, j=False)
        collection = client[database].get_collection(name, write_concern=unjournaled)
        for batch in _batches(_copies(steps, by_level, wanted)):
            _insert(collection, batch)
        if by_level:
            place = f"{database.removeprefix(OWN)}.{name}"
            made[place] = collection.estimated_document_count()
            show(f"{place}: {made[place]:,} documents")
    return made


def _copies(steps: Steps, by_level: dict[str, list[Pattern]], wanted: Wanted) -> Iterator[RawBSONDocument]:
    for names, level in _all(steps, wanted):
        for pattern in by_level.get(level, ()):
            yield RawBSONDocument(pattern.copy(names))


def _all(steps: Steps, wanted: Wanted) -> Iterator[tuple[Copy, str]]:
    """Every copy, oldest things last, without what the scene itself is."""
    for application in range(wanted.applications):
        if application:
            yield Copy(steps, application, "", 0, application % 10 * wanted.apart), APPLICATION
        for kind, many in wanted.versions.items():
            for version in range(0 if application else 1, many):
                age = 0 if kind in wanted.young else version * wanted.applications + application
                yield Copy(steps, application, kind, version, age * wanted.apart), kind


def _batches(documents: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(documents, _BATCH)):
        yield batch


def _insert(collection: Any, batch: list[RawBSONDocument]) -> None:
    try:
        collection.insert_many(batch, ordered=False)
    except BulkWriteError as error:
        if others := [one for one in error.details["writeErrors"] if one["code"] != _DUPLICATE]:
            raise RuntimeError(others[0]["errmsg"]) from error


def queue_entries(client: MongoClient[Any], steps: Steps, wanted: Wanted) -> int:
    """Give the log its entries about the copies, as many as are wanted; how many."""
    now, database = datetime.now(UTC), f"{OWN}evidence"
    by_level: dict[str, list[Pattern]] = {}
    for document in steps.seen[database, "log_entries"].values():
        if level := steps.level(document):
            by_level.setdefault(level, []).append(steps.pattern(document, now))
    copies = (bson.decode(one.raw) for one in _copies(steps, by_level, wanted))
    rows = (
        {
            "_id": f"past.{number}",
            "order": Timestamp(1, number + 1),
            "place": 0,
            "entry": copy["entry"],
            "about": copy["about"],
            "then": None,
        }
        for number, copy in enumerate(islice(copies, wanted.logged))
    )
    many = 0
    for batch in _batches(rows):
        client[database]["log_queue"].insert_many(batch)
        many += len(batch)
    return many


def wait_for_log(client: MongoClient[Any], show: Callable[[str], None]) -> None:
    """Return when the sequencer has put all entries into the log."""
    queue, told = client[f"{OWN}evidence"]["log_queue"], 0.0
    while left := queue.estimated_document_count():
        if time.monotonic() - told > 10:  # noqa: PLR2004 - seconds
            show(f"{left:,} log entries wait for the log")
            told = time.monotonic()
        time.sleep(0.2)
