"""`kill -9` of the gate before and after everything that judging a release again does outside of its memory.

One life per step: newer evidence fails, then newer evidence passes. The gate dies there, another one takes its place,
and the same facts are heard again. What was said of the release is exactly one fall and one rise, in order.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nats.js import JetStreamContext

from contracts.evidence.v1.events import EvidenceAdded
from contracts.facts import Facts
from contracts.gate.v1.queries import ListVerdicts
from contracts.gate.v1.rejudging import ReleaseRejudged
from contracts.gate.v1.views import VerdictPage, VerdictView
from contracts.vocabulary import Outcome
from services.gate.app import SERVICE
from shared.clock import utc_now
from shared.service import Running, running
from tests.integration.gate_neighbours import (
    NEIGHBOURS,
    TESTS,
    GateAtWork,
    digest_of,
    evaluate,
    evidence_added,
    piece,
    version_created,
)
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.facts import facts_on
from tests.support.lives import Lives, end_abandoned_transactions, lives_of, told_again_soon
from tests.support.monitoring_scenes import trusted
from tests.support.system import System, a_system
from tests.unit.gate.gate_builders import document, failed, passed

pytestmark = pytest.mark.servers
FEWEST_STEPS = 60
A_FEW = (31, 46)
FALLEN, RISEN = (1, Outcome.DENY), (2, Outcome.ALLOW)


@dataclass
class World:
    """The gate's neighbours, and what they say about one project per life."""

    system: System
    gate: GateAtWork
    facts: JetStreamContext
    heard: dict[tuple[str, str], EvidenceAdded] = field(default_factory=dict)

    async def hear(self, number: int, name: str, facts: Facts) -> None:
        """Say that there is a piece of evidence: the very same, however often it is said."""
        project, at = f"p{number}", utc_now()
        said = evidence_added(piece(name, facts, made_at=at, received_at=at), project=project)
        await self.gate.hear(self.heard.setdefault((project, name), said))

    async def prepare(self, number: int, run: Running[Any]) -> None:
        """A release that one policy admitted, and that was looked at."""
        project = f"p{number}"
        made = document(TESTS)
        made["metadata"]["project"] = project
        await self.gate.apply(made, project=project)
        await self.gate.hear(version_created(project=project))
        await self.hear(number, "first", passed())
        tell = evaluate(f"{project}-1", project=project)
        await self.gate.hear(tell)

        async def allowing() -> VerdictView | None:
            query = ListVerdicts(project=project, application="cart", version="1.0.0")
            found = (await self.gate.asker.ask(query, VerdictPage)).verdicts
            return next((one for one in found if one.outcome is Outcome.ALLOW), None)

        verdict = await eventually(allowing)
        assert verdict is not None
        of_it = {"application": "cart", "version_digest": digest_of("1.0.0"), "verdict_id": verdict.verdict_id}
        await self.gate.hear(trusted("1.0.0", project=project, at=utc_now(), **of_it))
        admissions = run.database.collection("admissions")
        await eventually(lambda: admissions.count({"_id": f"{project}/cart/1.0.0", "failing": []}))

    async def said(self, number: int) -> list[tuple[int, Outcome]]:
        every = await facts_on(self.facts, ReleaseRejudged)
        return [(one.revision, one.outcome) for one in every if one.project == f"p{number}"]

    async def happen(self, number: int) -> None:
        """Everything that a life has to do."""

        async def heard(last: tuple[int, Outcome]) -> None:
            await eventually(lambda: self.said(number), lambda found: last in found)

        for name, facts, last in (("fails", failed(), FALLEN), ("passes", passed(), RISEN)):
            if last not in await self.said(number):
                await self.hear(number, name, facts)
                await heard(last)


@asynccontextmanager
async def a_world(directory: Path) -> AsyncIterator[tuple[World, Lives]]:
    async with AsyncExitStack() as ends:
        ends.enter_context(told_again_soon())
        system = await ends.enter_async_context(a_system(directory, SERVICE, *NEIGHBOURS))
        async with running(SERVICE, system.settings("gate")) as run:
            gate = GateAtWork(system, run, await system.asker(), FrozenClock(utc_now()), {})
        async with lives_of(system, system.settings("gate")) as lives:
            yield World(system, gate, (await system.connect("provision")).jetstream()), lives


async def die_at(directory: Path, steps: Iterable[int], *, to_the_end: bool) -> int:
    """Dies at each of these steps, or until a life outlives its work; the last step."""
    step = 0
    async with a_world(directory) as (world, lives):
        for step in steps:
            async with running(SERVICE, world.system.settings("gate")) as run:
                await world.prepare(step, run)
            outlived = await lives.live(step, world.happen(step))
            end_abandoned_transactions(world.system)
            async with running(SERVICE, world.system.settings("gate")) as run:
                await world.happen(step)
                await require_everything_once(world, run, step)
            if outlived and to_the_end:
                break
    return step


async def require_everything_once(world: World, run: Running[Any], number: int) -> None:
    outbox = run.database.collection("outbox")
    await eventually(lambda: outbox.count({"sent": False}), lambda left: not left)
    assert await world.said(number) == [FALLEN, RISEN], f"after death at step {number}"
    kept = await run.database.collection("admissions").get(f"p{number}/cart/1.0.0")
    assert kept is not None
    assert (kept["revision"], kept["failing"], kept["fallen"]) == (2, [], False)
    assert await run.database.collection("dead_letters").count({}) == 0


async def test_judging_again_survives_death_at_a_few_steps(tmp_path: Path) -> None:
    await die_at(tmp_path, A_FEW, to_the_end=False)


@pytest.mark.faults
async def test_judging_again_survives_death_at_every_step(tmp_path: Path) -> None:
    assert await die_at(tmp_path, range(1, 2000), to_the_end=True) > FEWEST_STEPS
