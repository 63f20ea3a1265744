"""Taking over a download: step by step, each a transaction that also says how far it has come.

- A step is tied to the lease: an instance that lost it cannot write any more.
- A process that takes over a half-imported download, known again by its digest, goes on where it stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from prometheus_client import Counter

from contracts.importing import FetchStanding
from contracts.monitoring.v1.commands import ImportAdvisories
from contracts.monitoring.v1.feeds import (
    BeginAdvisoryImport,
    FinishAdvisoryImport,
    QuarantineAdvisories,
    UnreadableRecord,
)
from services.monitoring.domain.imports import Source
from services.monitoring.feeds.fenced import Fenced
from services.monitoring.feeds.fetching import Whole
from services.monitoring.feeds.source import FeedSource
from services.monitoring.feeds.spool import Spool
from services.monitoring.handlers.commands import import_advisories
from services.monitoring.handlers.imports import (
    begin_advisory_import,
    finish_advisory_import,
    quarantine_advisories,
)
from services.monitoring.storage.fetches import FetchState, UnderWay
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.archives import ArchiveLimits
from shared.errors import HallmarkError
from shared.json_files import JsonDocument, json_documents

STEP_RECORDS = 200
STEP_BYTES = 2**20
_LIMITS = ArchiveLimits(entry_bytes=4 * 2**20)
"""A record must fit a document of the database with room to spare."""
_MOST_UNREADABLE = 50
RECORDS = Counter("hallmark_advisory_records_total", "Records taken over from sources that are fetched", ["source"])


@dataclass(frozen=True)
class Importer:
    """Takes over downloads."""

    fenced: Fenced

    async def take_over(self, source: FeedSource, spool: Spool, under_way: UnderWay) -> None:
        """Import the rest of a download. Raises `Transient`, `LeaseLostError`."""
        steps = _steps(spool)
        position, records = 0, 0
        while step := await asyncio.to_thread(next, steps, None):
            if position < under_way.position:
                position += 1
                continue
            await self.fenced.admitted()
            records = await self._step(source, under_way.import_id, position, step)
            RECORDS.labels(source.name).inc(len(step))
            position += 1
        records = records or under_way.records
        await self._finished(source, under_way, records)

    async def begin(self, source: FeedSource, whole: Whole) -> UnderWay:
        """Begin to import an edition; an import of another one that was under way is over."""

        async def work(found: MonitoringWork) -> UnderWay:
            state = await found.fetches.get(source.name)
            if state.under_way:
                command = FinishAdvisoryImport(
                    command_id="other-edition",
                    import_id=state.under_way.import_id,
                    records=state.under_way.records,
                    because="Another edition of the source came while it was imported.",
                )
                await finish_advisory_import(command, found)
            begun = await begin_advisory_import(BeginAdvisoryImport(command_id=whole.digest, source=source.name), found)
            fresh = UnderWay(begun.import_id, whole.digest, whole.edition.etag, whole.edition.last_modified)
            await found.fetches.put(replace(state, under_way=fresh))
            return fresh

        return await self.fenced.perform(work, f"feed-begin:{source.name}:{self.fenced.run.clock().isoformat()}")

    async def tell(
        self, source: FeedSource, change: Callable[[FetchState], FetchState], told: FetchStanding
    ) -> datetime | None:
        """Keep what became of an attempt; of when all of the source is known, None while it never was."""

        async def work(found: MonitoringWork) -> Source:
            await found.fetches.put(change(await found.fetches.get(source.name)))
            return await _stand(found, source, told)

        stands = await self.fenced.perform(work, f"feed-told:{source.name}:{told.at.isoformat()}")
        return stands.complete_as_of

    async def _step(self, source: FeedSource, import_id: str, position: int, step: list[JsonDocument]) -> int:
        async def work(found: MonitoringWork) -> int:
            state = await found.fetches.get(source.name)
            under_way = state.under_way
            if under_way is None or under_way.import_id != import_id or under_way.position != position:
                # Its answer was lost, not its effect.
                return under_way.records if under_way else 0
            for command in _commands(step, import_id, position):
                if isinstance(command, ImportAdvisories):
                    await import_advisories(command, found)
                else:
                    await quarantine_advisories(command, found)
            records = under_way.records + len(step)
            await found.fetches.put(
                replace(state, under_way=replace(under_way, position=position + 1, records=records))
            )
            return records

        return await self.fenced.perform(work, f"feed-step:{import_id}:{position}")

    async def _finished(self, source: FeedSource, under_way: UnderWay, records: int) -> None:
        async def work(found: MonitoringWork) -> None:
            command = FinishAdvisoryImport(command_id="finish", import_id=under_way.import_id, records=records)
            await finish_advisory_import(command, found)
            state = await found.fetches.get(source.name)
            taken = replace(state, etag=under_way.etag, last_modified=under_way.last_modified, under_way=None)
            await found.fetches.put(taken)

        await self.fenced.perform(work, f"feed-finish:{under_way.import_id}")


async def _stand(found: MonitoringWork, source: FeedSource, told: FetchStanding) -> Source:
    known = await found.imports.source(source.name) or Source.never_imported(source.name, found.unit.now)
    known = known.unchanged(found.unit.now) if told.outcome == "unchanged" else known
    stands = replace(known, fetched=told)
    await found.imports.keep(stands)
    return stands


def _steps(spool: Spool) -> Iterator[list[JsonDocument]]:
    step: list[JsonDocument] = []
    size = 0
    for one in _documents(spool):
        if step and (len(step) == STEP_RECORDS or size + one.size > STEP_BYTES):
            yield step
            step, size = [], 0
        step.append(one)
        size += one.size
    if step:
        yield step


def _documents(spool: Spool) -> Iterator[JsonDocument]:
    try:
        yield from json_documents(spool.whole, limits=_LIMITS)
    except HallmarkError as error:
        # What could be read is taken over; that the rest is missing makes the import partial.
        yield JsonDocument(spool.whole.name, None, error.message)


def _commands(step: list[JsonDocument], import_id: str, position: int) -> Iterator[Any]:
    records = tuple(one.value for one in step if one.value is not None)
    if records:
        yield ImportAdvisories(command_id=f"{position}", advisories=records, import_id=import_id)
    broken = [one for one in step if one.value is None]
    for first in range(0, len(broken), _MOST_UNREADABLE):
        part = broken[first : first + _MOST_UNREADABLE]
        places = [one.place.partition("!")[2] or one.place for one in part]
        yield QuarantineAdvisories(
            command_id=f"{position}.{first}",
            import_id=import_id,
            records=tuple(
                UnreadableRecord(place=place[:500], problem=one.problem[:500])
                for place, one in zip(places, part, strict=True)
            ),
        )
