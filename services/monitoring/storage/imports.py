"""Imports of advisories, how their sources stand, and the records that could not be read.

`advisory_imports`     {_id: import id, key, source, begun, ended, state, ...}
`advisory_batches`     {_id: "<import>|<command id>", import, counts}: what each batch did, until the import is over
`advisory_sources`     {_id: source, begun, state, because, complete_as_of, fetched, revision}
`advisory_quarantine`  {_id: "<source>|<advisory, or digest>", source, advisory, where, problem, excerpt, ...}

Batches keep rows of their own, so that those under way at the same time do not collide.
"""

from __future__ import annotations

from collections.abc import Collection as Members
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from contracts.importing import FetchStanding, ImportCounts, ImportState
from services.monitoring.domain.imports import (
    MOST_QUARANTINED,
    MOST_SOURCES,
    Import,
    Quarantined,
    Source,
    added,
)
from shared.errors import Conflict, NotFound
from shared.mongo import Collection, Document, Index

IMPORTS, BATCHES, SOURCES = "advisory_imports", "advisory_batches", "advisory_sources"
QUARANTINE = "advisory_quarantine"
INDEXES: dict[str, tuple[Index, ...]] = {
    IMPORTS: (Index((("key", -1),)), Index((("source", 1), ("key", -1)))),
    BATCHES: (Index((("import", 1),)),),
    SOURCES: (),
    QUARANTINE: (Index((("advisory", 1),)), Index((("source", 1), ("_id", 1)))),
}


class ImportRepository:
    """The imports, their batches and their sources."""

    def __init__(self, imports: Collection, batches: Collection, sources: Collection) -> None:
        self._imports = imports
        self._batches = batches
        self._sources = sources

    async def get(self, import_id: str) -> Import:
        """One import. Raises `NotFound` (`import_unknown`)."""
        found = await self._imports.get(import_id)
        if found is None:
            raise NotFound(
                "import_unknown",
                f"There is no import {import_id}.",
                remedy="Begin one, and name the id that you get.",
            )
        return _import(found)

    async def running(self, import_id: str) -> Import:
        """One that is under way. Raises `NotFound`, and `Conflict` (`import_ended`)."""
        one = await self.get(import_id)
        if one.state is not ImportState.RUNNING:
            raise Conflict("import_ended", f"The import {import_id} is over.", remedy="Begin another one.")
        return one

    async def begin(self, one: Import) -> None:
        """Keep a new one. Raises `Conflict` (`advisory_sources_many`) when it would be of one source too many."""
        source = await self.source(one.source)
        if source is None and await self._sources.count({}, most=MOST_SOURCES) >= MOST_SOURCES:
            raise Conflict(
                "advisory_sources_many",
                f"Advisories come from {MOST_SOURCES} sources already.",
                remedy="Import under the name of one of them.",
            )
        await self._imports.add(_import_document(one))
        await self.keep((source or Source(one.source, one.begun)).after(one))

    async def counted(self, import_id: str, command_id: str, counts: ImportCounts) -> None:
        """Keep what one batch did; the same batch counts once."""
        await self._batches.put(
            {"_id": f"{import_id}|{command_id}", "import": import_id, "counts": counts.model_dump()}
        )

    async def counts(self, import_id: str) -> ImportCounts:
        """What the batches of an import under way have done so far."""
        rows = [row async for row in self._batches.stream({"import": import_id})]
        return added(ImportCounts.model_validate(row["counts"]) for row in rows)

    async def finish(self, one: Import) -> None:
        """Keep how it ended, and what that says of its source."""
        await self._imports.put(_import_document(one))
        await self._batches.remove({"import": one.import_id})
        source = await self.source(one.source)
        await self.keep((source or Source(one.source, one.begun)).after(one))

    async def source(self, name: str) -> Source | None:
        """How one source stands."""
        found = await self._sources.get(name)
        return _source(found) if found else None

    async def keep(self, source: Source) -> None:
        """Keep how a source stands."""
        row = asdict(source) | {"state": source.state.value}
        row["fetched"] = source.fetched.model_dump(mode="json") if source.fetched else None
        await self._sources.put({"_id": row.pop("name"), **row})

    async def sources(self) -> list[Source]:
        """All of them."""
        return [_source(row) for row in await self._sources.find({}, limit=MOST_SOURCES)]

    async def page(self, source: str | None, *, after: str | None, limit: int) -> tuple[list[Import], str | None]:
        """One page, the newest first, and what to pass as `after` for the next; None at the end."""
        where: Document = {"source": source} if source else {}
        if after is not None:
            where["key"] = {"$lt": after}
        found = await self._imports.find(where, sort=(("key", -1),), limit=limit + 1)
        page = [_import(row) for row in found[:limit]]
        return page, page[-1].key if len(found) > limit else None


class QuarantineRepository:
    """The records that could not be read."""

    def __init__(self, quarantine: Collection) -> None:
        self._rows = quarantine

    async def put(self, records: Iterable[Quarantined], at: datetime) -> None:
        """Keep records of one source as they came last, new ones as long as there is room."""
        given = {one.key: one for one in records}
        if not given:
            return
        source = next(iter(given.values())).source
        known = {row["_id"] for row in await self._rows.find({"_id": {"$in": sorted(given)}}, only={"_id": 1})}
        room = MOST_QUARANTINED - await self._rows.count({"source": source}, most=MOST_QUARANTINED)
        fresh = [key for key in given if key not in known][: max(room, 0)]
        await self._rows.update_each(
            [
                ({"_id": key}, {"$set": asdict(given[key]) | {"at": at}, "$setOnInsert": {"since": at}})
                for key in (*known, *fresh)
            ]
        )

    async def sound(self, advisories: Members[str]) -> None:
        """Let those go that have come in a form that can be read."""
        await self._rows.remove({"advisory": {"$in": sorted(advisories)}})

    async def settled(self, source: str) -> None:
        """Let all of a source go: all that it holds was read."""
        await self._rows.remove({"source": source})

    async def page(self, source: str | None, *, after: str | None, limit: int) -> tuple[list[Document], str | None]:
        """One page by key, and what to pass as `after` for the next; None at the end."""
        where: Document = {"source": source} if source else {}
        if after is not None:
            where["_id"] = {"$gt": after}
        found = await self._rows.find(where, limit=limit + 1)
        page = found[:limit]
        return page, page[-1]["_id"] if len(found) > limit else None


def _import_document(one: Import) -> Document:
    row = asdict(one) | {"state": one.state.value, "counts": one.counts.model_dump(), "key": one.key}
    return {"_id": row.pop("import_id"), **row}


def _import(row: Document) -> Import:
    return Import(
        import_id=row["_id"],
        source=row["source"],
        begun=row["begun"],
        by=row["by"],
        state=ImportState(row["state"]),
        ended=row["ended"],
        because=row["because"],
        counts=ImportCounts.model_validate(row["counts"]),
        records=row["records"],
    )


def _source(row: Document) -> Source:
    return Source(
        name=row["_id"],
        begun=row["begun"],
        state=ImportState(row["state"]),
        because=row["because"],
        complete_as_of=row["complete_as_of"],
        fetched=FetchStanding.model_validate(row["fetched"]) if row["fetched"] else None,
    )
