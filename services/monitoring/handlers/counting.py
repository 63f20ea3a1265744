"""What several handlers do when a fact changes the delivery metrics: link it, and change the sums that it touches."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from contracts.vocabulary import PromotionKind
from services.monitoring.domain.buckets import Entry, changes
from services.monitoring.domain.delivery import Deployment
from services.monitoring.domain.linking import Counted, Fault, Link, Question, entries, linked, near, relinked
from services.monitoring.domain.release import Release
from services.monitoring.storage.aggregates import Kind
from services.monitoring.storage.failures import rollback_key
from services.monitoring.storage.unit_of_work import MonitoringWork

T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """The line of one application, inside one transaction."""

    work: MonitoringWork
    project: str
    application: str

    async def found(self, asking: Generator[Question, Deployment | None, T]) -> T:
        """What comes out of it once its questions are answered."""
        try:
            asked = next(asking)
            while True:
                asked = asking.send(await self.work.failures.answer(self.project, self.application, asked))
        except StopIteration as done:
            result: T = done.value
            return result


@dataclass(frozen=True)
class Restated:
    """A fault as it was known, and as it is now."""

    key: str
    before: Fault | None
    link: Link
    after: Fault


async def deployed(work: MonitoringWork, project: str, deployment: Deployment) -> None:
    """A version began to stand in a release stage, maybe a while ago."""
    application = deployment.application
    await work.failures.hold(project, application)
    if not await work.delivery.deployed(project, deployment):
        return
    line = Line(work, project, application)
    around = await line.found(near(deployment))
    known = await work.failures.near(project, deployment, around)
    faults = [Restated(key, fault, link, fault) for key, fault, link in known]
    if deployment.kind is PromotionKind.ROLLBACK:
        said = Fault(deployment.id, deployment.at, deployment.version, rollback=True)
        faults.append(Restated(rollback_key(project, application, deployment.id), None, Link(), said))
    await _relink(line, faults, fresh=deployment)


async def incident(work: MonitoringWork, project: str, application: str, name: str) -> None:
    """Something was said about an incident."""
    await work.failures.hold(project, application)
    one = await work.delivery.incident(project, application, name)
    if one is not None:
        fault = Fault(one.id, one.opened_at, one.version, one.resolved_at)
        await _restate(work, project, application, f"{project}|{application}|incident|{name}", fault)


async def at_risk(work: MonitoringWork, releases: Sequence[Release], at: datetime) -> None:
    """Releases began to be at risk. One flaw can be in hundreds: then the sums follow, one application at a time."""
    await work.delivery.at_risk(releases, at)
    if len(releases) == 1:
        await risk_counted(work, releases[0], at)


async def risk_counted(work: MonitoringWork, release: Release, opened: datetime) -> None:
    """Have a time at risk in the sums."""
    await work.failures.hold(release.project, release.application)
    await _episodes(work, release, [opened])


async def safe(work: MonitoringWork, release: Release, at: datetime) -> None:
    """A release is not at risk any more."""
    await work.failures.hold(release.project, release.application)
    await _episodes(work, release, await work.delivery.safe(release, at))


async def _episodes(work: MonitoringWork, release: Release, opened: Sequence[datetime]) -> None:
    for one in await work.delivery.episodes(release, opened):
        fault = Fault(one.id, one.opened_at, one.version, one.resolved_at)
        key = f"{release.project}|{release.application}|episode|{one.id}"
        await _restate(work, release.project, release.application, key, fault)
    await work.delivery.counted(release, opened)


async def _restate(work: MonitoringWork, project: str, application: str, key: str, fault: Fault) -> None:
    known = await work.failures.fault(key)
    before, link = known or (None, Link())
    if before != fault:
        await _relink(Line(work, project, application), [Restated(key, before, link, fault)])


async def _relink(line: Line, faults: Sequence[Restated], *, fresh: Deployment | None = None) -> None:
    """Find out what each fault means now, and change the sums by the difference."""
    failures = line.work.failures
    before: list[Entry] = []
    after: list[Entry] = []
    linked_now = [(one, await line.found(linked(one.after))) for one in faults]
    moved = [(one, link) for one, link in linked_now if one.before != one.after or one.link != link]
    ids = {name for one, link in moved for name in (one.link.owner, link.owner, one.link.fix, link.fix) if name}
    was = await failures.counted(ids | ({fresh.id} if fresh else set()))
    now: dict[str, Counted] = dict(was)
    for one, link in moved:
        before += entries(one.before, one.link) if one.before else ()
        after += entries(one.after, link)
        now = {name: relinked(counted, one.after, one.link, link) for name, counted in now.items()}
        await failures.keep(line.project, line.application, one.key, one.after, link)
    for name, counted in now.items():
        is_fresh = fresh is not None and name == fresh.id
        before += () if is_fresh else was[name].entries()
        after += counted.entries()
        if counted != was[name]:
            await failures.count(counted)
    await line.work.buckets.add(Kind.DELIVERY, line.project, line.application, changes(before, after))
