"""Matching everything again, every night and when asked to, and comparing the result with what stands.

It should find nothing: findings are kept current as facts arrive. What it finds all the same is repaired, counted and
logged: the rules of matching have changed with a new version of Hallmark, or a database was restored.

- One instance at a time, under a lease that each transaction is fenced by.
- A step takes some releases. They are compared outside of any transaction, with advisories that are read once; what
  seems to differ is judged in a transaction, as any message would judge it. So a comparison that a message overtook
  finds nothing, and a comparison costs no lock.
- Repairs, their events, and how far the work has come are one transaction: a crash loses one step at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from functools import partial
from itertools import accumulate
from uuid import uuid4

from contracts.headers import Meta
from services.monitoring.domain.doubts import doubts_among
from services.monitoring.domain.matching import Answer, Matcher, matches_among
from services.monitoring.domain.packages import PackageKey
from services.monitoring.domain.release import indexed, newest_per_subject
from services.monitoring.domain.rematching import Matched, Progress, is_due
from services.monitoring.domain.trust import stand_as
from services.monitoring.handlers.watching import assessed, settle_all
from services.monitoring.settings import REMATCH_AT, MonitoringSettings
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.errors import Transient
from shared.logs import log
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Lease
from shared.mongo.lease import LeaseLostError
from shared.service import Running

BATCH, COMPONENTS = 250, 50_000
"""Releases, and components of them, that are compared at a time."""
REPAIRED = 20
"""Releases that one transaction repairs at most."""
EVERY_SECONDS = 2.0
BECAUSE = "All components were matched again."
_REMEMBERED = 200_000
"""Components and packages of which the answers are remembered within one re-match."""


@dataclass
class Reader:
    """Reads what stands and compares it, remembering advisories and answers for as long as one re-match takes."""

    matcher: Matcher = field(default_factory=Matcher)
    read: set[PackageKey] = field(default_factory=set)
    """The packages whose advisories the matcher has learnt."""
    answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)

    def forget(self) -> None:
        """Begin anew."""
        self.matcher, self.read, self.answers = Matcher(), set(), {}

    async def differing(self, work: MonitoringWork, releases: Sequence[Matched]) -> list[Matched]:
        """Those of which something else stands than what matching says."""
        if len(self.answers) > _REMEMBERED or len(self.read) > _REMEMBERED:
            self.forget()
        subjects = await work.versions.subjects_of_each({one.key: (one.project, one.own_subjects) for one in releases})
        about = await work.sboms.about_each({one.key: (one.project, subjects[one.key]) for one in releases})
        sboms = {key: tuple(sorted(one.key for one in newest_per_subject(found))) for key, found in about.items()}
        purls = await work.sboms.purls_of_each({key for keys in sboms.values() for key in keys})
        await self._answer(work, {purl for names in purls.values() for purl in names})
        doubts = await work.undecided.of_each([one.key for one in releases])
        found: list[Matched] = []
        for one in releases:
            named = {purl for key in sboms[one.key] for purl in purls.get(key, ())}
            said = [answer for purl in named for answer in self.answers[purl]]
            as_matched = one.is_revoked or stand_as(one.matches, matches_among(said))
            same = (subjects[one.key], sboms[one.key], len(named)) == (one.subjects, one.sboms, one.components)
            if not (same and as_matched and doubts[one.key] == doubts_among(said)):
                found.append(one)
        return found

    async def _answer(self, work: MonitoringWork, purls: Iterable[str]) -> None:
        new = [purl for purl in purls if purl not in self.answers]
        keys = indexed(new)
        await self._learn(work, {key for found in keys.values() for key in found})
        for purl in new:
            self.answers[purl] = self.matcher.answers(purl) if purl in keys else ()

    async def _learn(self, work: MonitoringWork, keys: set[PackageKey]) -> None:
        new = keys - self.read
        for advisory in await work.advisories.naming(new) if new else ():
            self.matcher.learn(advisory)
        self.read |= new


async def rematch(run: Running[MonitoringWork]) -> None:
    """Match everything again whenever it is due, for ever."""
    lease = Lease(run.database, "rematching", run.settings.instance)
    reader = Reader()
    try:
        while True:
            if not (await lease.hold() and await step(run, lease, reader)):
                await asyncio.sleep(EVERY_SECONDS)
    finally:
        await lease.release()


async def step(run: Running[MonitoringWork], lease: Lease, reader: Reader) -> bool:
    """Begin when it is due, or match some releases; whether there is more to do at once."""
    meta = _meta(run)
    reading = MonitoringWork(UnitOfWork(run.service.name, run.database, None, meta, run.clock()))
    progress = await reading.rematches.progress(run.clock())
    if progress.cursor is None:
        if not is_due(progress, _daily(run), run.clock()):
            return False
        reader.forget()
        return await _transaction(run, meta, partial(_begin, lease))
    releases = _bearable(await reading.releases.following(progress.cursor, BATCH))
    differing = await reader.differing(reading, releases)
    if len(differing) > REPAIRED:
        # Judging a release takes long beside comparing it, and a transaction must end in time: the rest comes next.
        releases, differing = releases[: releases.index(differing[REPAIRED])], differing[:REPAIRED]
    return await _transaction(run, meta, partial(_keep, lease, progress, releases, differing))


def _bearable(releases: Sequence[Matched]) -> Sequence[Matched]:
    """The first of them, at least one, that have not more components together than are to be held in memory."""
    sums = accumulate(one.components for one in releases)
    return releases[: max(1, sum(so_far <= COMPONENTS for so_far in sums))]


async def _transaction(
    run: Running[MonitoringWork], meta: Meta, work: Callable[[MonitoringWork], Awaitable[list[str]]]
) -> bool:
    try:
        repaired = await run.dispatcher.perform(work, meta=meta, key=meta.message_id, once=False)
    except (LeaseLostError, Transient):
        return False
    for release in repaired:
        log.warning("a release did not stand as it matches; it was repaired", release=release)
    return True


async def _begin(lease: Lease, work: MonitoringWork) -> list[str]:
    await _fence(lease, work)
    await work.rematches.begin(work.unit.now)
    return []


async def _keep(
    lease: Lease, seen: Progress, releases: Sequence[Matched], differing: Sequence[Matched], work: MonitoringWork
) -> list[str]:
    await _fence(lease, work)
    if not releases:
        await work.rematches.end(seen, work.unit.now)
        log.info("everything was matched again", releases=seen.releases, differences=seen.differences)
        return []
    for project in sorted({one.project for one in differing}):
        await work.match_clock.touch(project)
    repaired = await _repaired(work, differing)
    await work.rematches.keep(
        replace(
            seen,
            cursor=releases[-1].key,
            releases=seen.releases + len(releases),
            differences=seen.differences + len(repaired),
        )
    )
    return repaired


async def _repaired(work: MonitoringWork, seen: Sequence[Matched]) -> list[str]:
    """Those of them that something else stood of, now that it does not."""
    before = [await work.releases.get(one.project, one.application, one.version) for one in seen]
    judged = await assessed(work, before)
    known = await work.undecided.of_each([one.key for one in before])
    doubts = {change.after.key: doubt for change, doubt in judged}
    await work.undecided.keep_each(doubts, known)
    settled = {one.key for one in await settle_all(work, [change for change, _ in judged], BECAUSE)}
    return [one.key for one in before if one.key in settled or doubts[one.key] != known[one.key]]


async def _fence(lease: Lease, work: MonitoringWork) -> None:
    if work.unit.session is None:
        raise RuntimeError("findings change inside a transaction")
    await lease.fence(work.unit.session)


def _daily(run: Running[MonitoringWork]) -> time:
    return run.settings.rematch_at if isinstance(run.settings, MonitoringSettings) else REMATCH_AT


def _meta(run: Running[MonitoringWork]) -> Meta:
    key = f"rematch:{uuid4().hex}"
    return Meta(message_id=key, correlation_id=key, source="/hallmark/monitoring", time=run.clock())
