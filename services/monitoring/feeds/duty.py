"""The duty that keeps advisories, KEV and EPSS up to date from configured sources, one instance at a time."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from prometheus_client import Counter, Gauge

from contracts.importing import FetchStanding
from services.monitoring.feeds.exploitation import ExploitationImporter
from services.monitoring.feeds.fenced import Fenced
from services.monitoring.feeds.fetching import Fetcher, FetchFailed, Whole
from services.monitoring.feeds.importing import Importer
from services.monitoring.feeds.schedule import Pace
from services.monitoring.feeds.source import FeedSource
from services.monitoring.feeds.spool import Edition, Spool
from services.monitoring.settings import MonitoringSettings
from services.monitoring.storage.fetches import FETCHES, FetchRepository, FetchState, UnderWay
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.errors import Transient
from shared.logs import log
from shared.mongo import Lease
from shared.service import Running

_LOOKS_EVERY = 5.0
_LEAST = 0.05
FETCHED = Counter("hallmark_advisory_fetches_total", "Attempts to fetch advisories", ["source", "outcome"])
COMPLETE = Gauge(
    "hallmark_advisory_complete_timestamp_seconds",
    "When this instance last knew all that a source holds, as seconds since 1970",
    ["source"],
)


async def keep_advisories(run: Running[MonitoringWork]) -> None:
    """Fetch and import until cancelled; nothing at all when no source is configured."""
    settings = run.settings
    if not isinstance(settings, MonitoringSettings) or not settings.feed_sources:
        return
    lease = Lease(run.database, "advisory-feeds", settings.instance)
    collector = Collector(run, settings, lease)
    try:
        while True:
            if await lease.hold():
                await _while_held(lease, collector.run_all)
            await asyncio.sleep(_LOOKS_EVERY)
    finally:
        with suppress(Transient):
            await lease.release()


async def _while_held(lease: Lease, work: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.ensure_future(work())
    try:
        while not task.done() and await lease.hold():
            await asyncio.wait({task}, timeout=_LOOKS_EVERY)
    finally:
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled() and (problem := task.exception()):
        raise problem


class _Importer(Protocol):
    """What takes over one kind of download."""

    async def begin(self, source: FeedSource, whole: Whole) -> UnderWay:
        """Begin with an edition."""

    async def take_over(self, source: FeedSource, spool: Spool, under_way: UnderWay) -> None:
        """Take over what is left of it. Raises `FetchFailed` when it is not what it should be."""

    async def tell(
        self, source: FeedSource, change: Callable[[FetchState], FetchState], told: FetchStanding
    ) -> datetime | None:
        """Keep what became of an attempt; of when all of the source is known."""


@dataclass
class Collector:
    """Looks at each source when it is time."""

    run: Running[MonitoringWork]
    settings: MonitoringSettings
    lease: Lease
    _advisories: Importer = field(init=False)
    _exploitation: ExploitationImporter = field(init=False)
    _fetcher: Fetcher = field(init=False)
    _one_by_one: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Imports collide with each other; downloads do not."""

    def __post_init__(self) -> None:
        fenced = Fenced(self.run, self.lease)
        self._advisories, self._exploitation = Importer(fenced), ExploitationImporter(fenced)
        self._fetcher = Fetcher(
            self.settings.feed_networks,
            self.settings.advisory_ca_file,
            self.settings.advisory_seconds,
            self.settings.advisory_max_bytes,
        )

    async def run_all(self) -> None:
        """Every source by itself, until cancelled: one that hangs keeps no other waiting."""
        async with asyncio.TaskGroup() as group:
            for source in self.settings.feed_sources:
                group.create_task(self._forever(source))

    async def _forever(self, source: FeedSource) -> None:
        while True:
            try:
                wait = await self.turn(source)
            except Transient as error:
                log.warning("advisories wait", source=source.name, problem=error.message)
                wait = 1.0
            await asyncio.sleep(min(max(wait, _LEAST), _LOOKS_EVERY))

    async def turn(self, source: FeedSource) -> float:
        """Do what is due for a source; for how many seconds nothing is, 0 when something was done.

        Raises `Transient` and `LeaseLostError`.
        """
        state = await FetchRepository(self.run.database.collection(FETCHES)).get(source.name)
        wait = (state.next_at - self.run.clock()).total_seconds() if state.next_at else 0.0
        if wait > 0 and not await self._is_half_imported(source, state):
            return wait
        await self._look(source, Spool(self._folder, source.name), state)
        return 0.0

    async def _is_half_imported(self, source: FeedSource, state: FetchState) -> bool:
        under_way = state.under_way
        spool = Spool(self._folder, source.name)
        return under_way is not None and await asyncio.to_thread(spool.digest) == under_way.digest

    async def _look(self, source: FeedSource, spool: Spool, state: FetchState) -> None:
        """Take over what has arrived, else look for what is new."""
        if state.under_way and await self._is_half_imported(source, state):
            await self._take_over(source, spool, state, state.under_way)
            return
        try:
            known = Edition(state.etag, state.last_modified)
            whole = await self._fetcher.fetch(source.url, spool, known, self.run.clock())
        except (FetchFailed, OSError) as error:
            await self._failed(source, state, error)
            return
        if whole is None:
            await self._told(source, "unchanged")
            return
        if state.under_way and state.under_way.digest == whole.digest:
            under_way = state.under_way
        else:
            under_way = await self._importer(source).begin(source, whole)
        await self._take_over(source, spool, state, under_way)

    async def _take_over(self, source: FeedSource, spool: Spool, state: FetchState, under_way: UnderWay) -> None:
        try:
            async with self._one_by_one:
                await self._importer(source).take_over(source, spool, under_way)
        except FetchFailed as error:
            await self._failed(source, state, error)
        else:
            await self._told(source, "imported")
        await asyncio.to_thread(spool.clear)

    async def _told(self, source: FeedSource, outcome: str) -> None:
        now = self.run.clock()
        next_at = self._pace.after_success(now, random.random())  # noqa: S311 - no secret
        told = FetchStanding(at=now, outcome=outcome, next_at=next_at)

        def changed(state: FetchState) -> FetchState:
            return replace(state, failures=0, next_at=next_at)

        complete_as_of = await self._importer(source).tell(source, changed, told)
        if complete_as_of:
            COMPLETE.labels(source.name).set(complete_as_of.timestamp())
        FETCHED.labels(source.name, outcome).inc()
        log.info("advisories fetched", source=source.name, outcome=outcome)

    async def _failed(self, source: FeedSource, state: FetchState, error: FetchFailed | OSError) -> None:
        now, failures = self.run.clock(), state.failures + 1
        wish = error.wish if isinstance(error, FetchFailed) else None
        next_at = self._pace.after_failure(now, failures, random.random(), wish)  # noqa: S311 - no secret
        # Of what the operating system says, only the kind: it may name files.
        problem = str(error) if isinstance(error, FetchFailed) else f"It cannot be kept ({type(error).__name__})."
        told = FetchStanding(at=now, outcome="failed", problem=problem, next_at=next_at, failures=failures)

        def changed(known: FetchState) -> FetchState:
            return replace(known, failures=failures, next_at=next_at)

        await self._importer(source).tell(source, changed, told)
        FETCHED.labels(source.name, "failed").inc()
        log.warning("advisories not fetched", source=source.name, host=source.shown, problem=problem, failures=failures)

    def _importer(self, source: FeedSource) -> _Importer:
        return self._advisories if source.kind == "osv" else self._exploitation

    @property
    def _pace(self) -> Pace:
        return Pace(self.settings.advisory_interval, self.settings.advisory_patience)

    @property
    def _folder(self) -> Path:
        return self.settings.advisory_spool_dir or Path(tempfile.gettempdir(), f"hallmark-advisories-{os.getuid()}")
