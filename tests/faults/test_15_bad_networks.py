"""Rows 15, 16 and 29: the network between a service and its servers is cut, one way or both, loses replies, is slow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contracts.answers import Applied
from contracts.registry.v1.commands import ApplyProject
from shared.errors import Transient
from shared.messaging.asking import Asker
from shared.service import Running
from tests.support.eventually import eventually
from tests.support.ledger import ledger_service
from tests.support.proxy import Proxy, proxied
from tests.support.system import System, a_system

pytestmark = [pytest.mark.servers]
MANY = 12


@dataclass
class Cut:
    """A service whose servers are behind bad networks, and somebody who asks it directly."""

    system: System
    run: Running[Any]
    asker: Asker
    nats: Proxy
    mongo: Proxy

    async def ask(self, name: str, deadline: float) -> None:
        command = ApplyProject(command_id=name, project=name, title="x")
        await self.asker.ask(command, Applied, deadline=deadline)

    async def apply(self, name: str) -> None:
        """Ask again and again, under one command id, until it is answered: requests and replies may get lost."""

        async def once() -> bool:
            with suppress(Transient):
                await self.ask(name, 4)
                return True
            return False

        await eventually(once, within=90)

    async def settled(self, names: list[str]) -> None:
        """Everything acknowledged is there once, and was told once."""
        database = self.run.database
        await eventually(lambda: database.collection("outbox").count({"sent": False}), lambda left: not left, within=60)
        counts = {one["_id"]: one["revision"] for one in await database.collection("counts").find({})}
        assert counts == dict.fromkeys(names, 1)
        jetstream = (await self.system.connect("provision")).jetstream()
        last = (await jetstream.stream_info("HALLMARK_EVT")).state.last_seq
        told = [await jetstream.get_msg("HALLMARK_EVT", number) for number in range(1, last + 1)]
        assert sorted(json.loads(one.data or b"")["project"] for one in told) == sorted(names)


@asynccontextmanager
async def cut_off(directory: Path) -> AsyncIterator[Cut]:
    service = ledger_service()
    async with a_system(directory, service) as system:
        env = system.servers.env("registry")
        async with (
            proxied(env["HALLMARK_NATS_URL"]) as (nats, nats_url),
            proxied(env["HALLMARK_MONGO_URL"]) as (mongo, mongo_url),
        ):
            run = await system.start(service, nats_url=nats_url, mongo_url=mongo_url)
            yield Cut(system, run, await system.asker(), nats, mongo)
            await system.stack.aclose()  # Before the proxies go.


@pytest.mark.faults
@pytest.mark.parametrize("way", ["both", "to_server", "to_service"])
async def test_15_a_partition_from_nats_delays_and_doubles_nothing(tmp_path: Path, way: str) -> None:
    async with cut_off(tmp_path) as cut:
        names = [f"p{number}" for number in range(MANY)]
        asking = [asyncio.create_task(cut.apply(name)) for name in names]
        await asking[0]
        cut.nats.cut(to_server=way != "to_service", to_service=way != "to_server")
        await asyncio.wait(asking, timeout=2)
        cut.nats.heal()
        await asyncio.gather(*asking)
        await cut.settled(names)


async def test_16_a_commit_whose_answer_is_lost_has_one_effect(tmp_path: Path) -> None:
    async with cut_off(tmp_path) as cut:
        names = [f"p{number}" for number in range(4)]
        for name in names:
            cut.mongo.lose_reply_to = lambda data: b"commitTransaction" in data
            await cut.apply(name)
        assert cut.mongo.lost_replies == len(names), "each commit arrived and nobody heard of it"
        await cut.settled(names)


@pytest.mark.faults
async def test_16_a_partition_from_mongodb_acknowledges_nothing(tmp_path: Path) -> None:
    async with cut_off(tmp_path) as cut:
        await cut.apply("before")
        cut.mongo.cut()
        with pytest.raises(Transient):
            await cut.ask("while", 1)
        cut.mongo.heal()
        await cut.apply("while")
        await cut.settled(["before", "while"])


@pytest.mark.faults
async def test_29_a_slow_database_delays_and_doubles_nothing(tmp_path: Path) -> None:
    async with cut_off(tmp_path) as cut:
        cut.mongo.delay = 0.2  # A hundred times what it takes here.
        names = [f"p{number}" for number in range(MANY)]
        await asyncio.gather(*(cut.apply(name) for name in names))
        cut.mongo.delay = 0
        await cut.settled(names)
