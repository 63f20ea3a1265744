"""What one import of advisories was worth, and which records could not be read.

- An import is complete when as many records arrived as its source holds, and all of them could be read. Anything else
  is partial: it can prove that a flaw is there, never that none is.
- One that was not finished within 6 hours is partial: whoever began it is gone.
- Of a source, the import that began last says how it stands; the newest complete one says how old its knowledge is.
- A quarantined record is kept cut and escaped: it is shown to people, and anything may stand in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from contracts.importing import FetchStanding, ImportCounts, ImportState
from shared.digests import sha256_digest

PATIENCE = timedelta(hours=6)
MOST_SOURCES = 200
LISTED_SOURCES = 20
MOST_QUARANTINED = 10_000
"""Records that are kept of one source; more are only counted."""
_EXCERPT = 2000
_ID = 200
_TEXT = 500
_ABANDONED = "It was begun and never finished."


@dataclass(frozen=True, slots=True)
class Import:
    """One import."""

    import_id: str
    source: str
    begun: datetime
    by: str
    state: ImportState = ImportState.RUNNING
    ended: datetime | None = None
    because: str = ""
    counts: ImportCounts = field(default_factory=ImportCounts)
    records: int | None = None

    @property
    def key(self) -> str:
        """Sorts imports by the time they began."""
        return f"{self.begun.isoformat(timespec='milliseconds')}|{self.import_id}"

    def finished(self, counts: ImportCounts, records: int, because: str, at: datetime) -> Import:
        """As it is once it is over; one that is over stays as it is."""
        if self.state is not ImportState.RUNNING:
            return self
        why = because or _missing(counts, records)
        state = ImportState.PARTIAL if why else ImportState.COMPLETE
        return replace(self, state=state, ended=at, because=why, counts=counts, records=records)

    def seen_at(self, now: datetime) -> Import:
        """As it is told: one that nobody finished is partial."""
        if self.state is ImportState.RUNNING and now - self.begun > PATIENCE:
            return replace(self, state=ImportState.PARTIAL, because=_ABANDONED)
        return self


@dataclass(frozen=True, slots=True)
class Source:
    """How one source stands."""

    name: str
    begun: datetime
    """When its newest import began."""
    state: ImportState = ImportState.RUNNING
    because: str = ""
    complete_as_of: datetime | None = None
    fetched: FetchStanding | None = None

    @classmethod
    def never_imported(cls, name: str, at: datetime) -> Source:
        """One of which nothing has come yet."""
        return cls(name, at, ImportState.PARTIAL, "Nothing has been imported from it yet.")

    def after(self, one: Import) -> Source:
        """With what an import of it has become."""
        newest = self
        if one.begun >= self.begun:
            newest = replace(self, begun=one.begun, state=one.state, because=one.because)
        if one.state is ImportState.COMPLETE and (self.complete_as_of is None or self.complete_as_of < one.begun):
            newest = replace(newest, complete_as_of=one.begun)
        return newest

    def unchanged(self, at: datetime) -> Source:
        """Its publisher says that there is nothing new: a complete import is as good as one that began now."""
        if self.state is not ImportState.COMPLETE or self.complete_as_of is None:
            return self
        return replace(self, complete_as_of=max(at, self.complete_as_of))

    def seen_at(self, now: datetime) -> Source:
        """As it is told: an import that nobody finished is partial."""
        if self.state is ImportState.RUNNING and now - self.begun > PATIENCE:
            return replace(self, state=ImportState.PARTIAL, because=_ABANDONED)
        return self


@dataclass(frozen=True, slots=True)
class Standing:
    """How much the absence of a flaw is worth."""

    complete_as_of: datetime | None
    partial: bool
    sources: tuple[Source, ...]
    """The worst first, at most `LISTED_SOURCES`."""
    count: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One record that could not be read."""

    advisory: str
    source: str
    where: str
    problem: str
    size: int
    excerpt: str
    digest: str
    import_id: str | None = None

    @property
    def key(self) -> str:
        """The same record of the same source comes under the same key again."""
        return f"{self.source}|{self.advisory or self.digest}"


def added(counts: Iterable[ImportCounts]) -> ImportCounts:
    """All of them together."""
    total = dict.fromkeys(ImportCounts.model_fields, 0)
    for one in counts:
        for name in total:
            total[name] += getattr(one, name)
    return ImportCounts(**total)


def standing(sources: Iterable[Source], now: datetime) -> Standing:
    """How much the absence of a flaw is worth."""
    seen = [one.seen_at(now) for one in sources]
    return Standing(
        complete_as_of=max((one.complete_as_of for one in seen if one.complete_as_of), default=None),
        partial=any(one.state is ImportState.PARTIAL for one in seen),
        sources=tuple(sorted(seen, key=_worst_first)[:LISTED_SOURCES]),
        count=len(seen),
    )


def quarantined(
    record: Mapping[str, Any], *, source: str, where: str, problem: str, import_id: str | None
) -> Quarantined:
    """A record that is JSON and no advisory."""
    text = json.dumps(record, ensure_ascii=True)
    name = record.get("id")
    advisory = shown(name if isinstance(name, str) else "", _ID)
    return Quarantined(
        advisory=advisory,
        source=shown(source, _ID),
        where=shown(where),
        problem=shown(problem),
        size=len(text),
        excerpt=text[:_EXCERPT],
        digest=sha256_digest(text.encode()),
        import_id=import_id,
    )


def unreadable(*, place: str, problem: str, excerpt: str, source: str, import_id: str) -> Quarantined:
    """A record that could not be sent, known by the place where it stands."""
    return Quarantined(
        advisory="",
        source=source,
        where=shown(place),
        problem=shown(problem),
        size=len(excerpt),
        excerpt=json.dumps(excerpt)[1:-1][:_EXCERPT],
        digest=sha256_digest(place.encode()),
        import_id=import_id,
    )


def shown(text: str, most: int = _TEXT) -> str:
    """The text, cut, with what cannot be shown (control and direction characters among them) escaped."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text[:most])[:most]


def _missing(counts: ImportCounts, records: int) -> str:
    taken = counts.added + counts.updated + counts.unchanged
    if counts.malformed:
        return f"{counts.malformed} of {records} records could not be read."
    return "" if taken == records else f"{taken} records arrived of the {records} that its source holds."


def _worst_first(one: Source) -> tuple[bool, str, str]:
    since = one.complete_as_of.isoformat() if one.complete_as_of else ""
    return one.state is not ImportState.PARTIAL, since, one.name
