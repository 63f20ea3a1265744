"""`kill -9` of monitoring before and after everything that an alert does outside of its memory.

One life per step: the deadline of an alert passes, its flaw becomes worse, and the advisory is withdrawn. The service
dies there, another one takes its place, and whoever asked asks again under the same command id. The cause had exactly
the alerts that it was to have, each was told exactly once, and what was to escalate did so once.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contracts.alerting import AlertEntry, AlertState, ClosedBy
from contracts.message import Event
from contracts.monitoring.v1.alerts import (
    AlertChanged,
    AlertClosed,
    AlertOpened,
    AlertPage,
    AlertView,
    ListAlerts,
    ShowAlert,
)
from contracts.monitoring.v1.commands import AdvisoriesImported, ImportAdvisories
from contracts.monitoring.v1.queries import ShowTrust
from contracts.monitoring.v1.views import ReleaseTrust
from services.monitoring.app import SERVICE
from shared.errors import NotFound
from shared.messaging.asking import Asker
from shared.messaging.unit_of_work import UnitOfWork
from shared.service import Running, running
from tests.faults.dying_monitoring import ahead
from tests.support.eventually import eventually
from tests.support.facts import facts_on
from tests.support.lives import Lives, end_abandoned_transactions, lives_of, told_again_soon
from tests.support.monitoring_scenes import a_meta, advisory, bom, digest, neighbours, trusted
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers
FEWEST_STEPS = 60
A_FEW = (9, 35, 70)


@dataclass
class World:
    """Monitoring's neighbours, and what they say about one project per life."""

    system: System
    asker: Asker
    others: dict[str, Running[Any]]
    boms: dict[str, list[str]]

    async def say(self, event: Event) -> None:
        async def work(unit: UnitOfWork) -> None:
            unit.announce(event)

        meta = a_meta()
        await self.others[event.subject.split(".")[2]].dispatcher.perform(work, meta=meta, key=meta.message_id)

    async def prepare(self, number: int) -> None:
        """A release with one component that nothing stands against."""
        project = f"p{number}"
        self.boms[project] = [f"pkg:pypi/lib{number}@1.5"]
        evidence = digest("evidence", project)
        await self.say(bom(project, digest(project, "1.0"), project=project))
        await self.say(trusted(project=project, evidence_digests=(evidence,)))

        async def components() -> int:
            with suppress(NotFound):
                query = ShowTrust(project=project, application="web", version="1.0")
                return (await self.asker.ask(query, ReleaseTrust, deadline=30)).components
            return 0

        await eventually(components)
        await self.bring(number, "HIGH", 1)

    async def bring(self, number: int, severity: str, day: int, **more: Any) -> None:
        """One form of the advisory; under the same command id, however often it is asked."""
        record = advisory(
            f"A-{number}",
            f"lib{number}",
            modified=f"2026-05-0{day}T00:00:00Z",
            database_specific={"severity": severity},
            **more,
        )
        command = ImportAdvisories(command_id=f"{day}-{number}", advisories=(record,), source="feed")
        await self.asker.ask(command, AdvisoriesImported, deadline=60)

    async def alerts(self, number: int) -> list[AlertView]:
        """All there ever were, the first leading."""
        found: list[AlertView] = []
        for state in (AlertState.CLOSED, None):
            query = ListAlerts(project=f"p{number}", state=state)
            found += (await self.asker.ask(query, AlertPage, deadline=30)).alerts
        return sorted(found, key=lambda one: one.occurrence)

    async def history(self, alert: AlertView) -> tuple[AlertEntry, ...]:
        query = ShowAlert(project=alert.project, alert_id=alert.alert_id)
        return (await self.asker.ask(query, AlertView, deadline=30)).history

    async def happen(self, number: int) -> list[AlertView]:
        """Everything that a life has to do; the alerts there are afterwards."""
        await eventually(lambda: self.alerts(number), lambda found: found[0].escalated_at, within=60)
        await self.bring(number, "CRITICAL", 2)
        await self.bring(number, "CRITICAL", 3, withdrawn="2026-05-03T00:00:00Z")
        return await self.alerts(number)


@asynccontextmanager
async def a_world(directory: Path) -> AsyncIterator[tuple[World, Lives]]:
    boms: dict[str, list[str]] = {}
    others = neighbours(boms)
    async with AsyncExitStack() as ends:
        ends.enter_context(told_again_soon())
        system = await ends.enter_async_context(a_system(directory, SERVICE, *others))
        started = {service.name: await system.start(service) for service in others}
        world = World(system, await system.asker(), started, boms)
        async with lives_of(system, system.settings("monitoring")) as lives:
            yield world, lives


async def die_at(directory: Path, steps: Iterable[int], *, to_the_end: bool) -> int:
    """Dies at each of these steps, or until a life outlives its work; the last step."""
    step = 0
    async with a_world(directory) as (world, lives):
        for step in steps:
            async with running(SERVICE, world.system.settings("monitoring")):
                await world.prepare(step)
            outlived = await lives.live(step, world.happen(step))
            end_abandoned_transactions(world.system)
            async with running(SERVICE, world.system.settings("monitoring"), ahead) as run:
                found = await world.happen(step)
                await require_everything_once(world, run, step, found)
            if outlived and to_the_end:
                break
    return step


async def require_everything_once(world: World, run: Running[Any], number: int, found: list[AlertView]) -> None:
    first, second = found
    assert (first.closed_by, first.replaced_by, second.follows) == (ClosedBy.RAISED, second.alert_id, first.alert_id)
    assert (second.severity, second.closed_by) == ("critical", ClosedBy.WITHDRAWN)
    assert [one.change for one in await world.history(first)] == ["opened", "escalated", "closed"]
    outbox = run.database.collection("outbox")
    await eventually(lambda: outbox.count({"sent": False}), lambda left: not left)
    jetstream = (await world.system.connect("provision")).jetstream()
    told = [
        [getattr(one, "change", kind.__name__), one.alert_id]
        for kind in (AlertOpened, AlertChanged, AlertClosed)
        for one in await facts_on(jetstream, kind)
        if one.project == f"p{number}"
    ]
    assert told == [
        ["AlertOpened", first.alert_id],
        ["AlertOpened", second.alert_id],
        ["escalated", first.alert_id],
        ["AlertClosed", first.alert_id],
        ["AlertClosed", second.alert_id],
    ], f"after death at step {number}"
    assert await run.database.collection("dead_letters").count({}) == 0


async def test_alerts_survive_death_at_a_few_steps(tmp_path: Path) -> None:
    await die_at(tmp_path, A_FEW, to_the_end=False)


@pytest.mark.faults
async def test_alerts_survive_death_at_every_step(tmp_path: Path) -> None:
    assert await die_at(tmp_path, range(1, 2000), to_the_end=True) > FEWEST_STEPS
