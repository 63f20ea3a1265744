"""A stack on three NATS servers and three mongod with promotions under way, and who leads among them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from contracts.streams import Stream
from deploy.local.nodes import MONGOD, names
from deploy.local.ports import LOOPBACK
from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from shared.clock import utc_now
from shared.crypto import keys
from tests.support.eventually import eventually
from tests.support.impatient import Impatient
from tests.support.invariants import require_invariants
from tests.support.recorded import Reader, Recorded, reader_of
from tests.support.traffic import Traffic, lanes_of

_LANES = 8
_MANY = 4000
"""More promotions than anybody waits for: the traffic ends when it is told to."""
_WARM = 8
_PATIENCE_SECONDS = 180.0


@dataclass
class Cluster:
    """Three of each, and what runs on them."""

    stack: Stack
    traffic: Traffic
    reader: Reader
    under_way: asyncio.Task[None]

    async def leader_of(self, stream: Stream) -> str:
        """The process of the NATS server that leads a stream."""
        info = await self.reader.nats.jetstream().stream_info(stream.name)
        assert info.cluster is not None
        return str(info.cluster.leader)

    async def hello(self, mongod: str) -> dict[str, Any]:
        """What one mongod says about itself; nothing when it says nothing."""
        port = next(status.port for status in self.stack.statuses() if status.name == mongod)
        return await asyncio.to_thread(_hello, port)

    async def primary(self, besides: str = "") -> str:
        """The mongod that leads, once there is one."""

        async def look() -> str:
            others = [name for name in names(MONGOD, 3) if name != besides]
            said = {name: await self.hello(name) for name in others}
            return next((name for name, hello in said.items() if hello.get("isWritablePrimary")), "")

        return await eventually(look, within=_PATIENCE_SECONDS)

    async def more_ended(self, count: int = 2 * _LANES) -> None:
        """Wait until so many more promotions have ended than now, or the traffic has."""
        wanted = len(self.traffic.promotions) + count

        async def ended() -> bool:
            return len(self.traffic.promotions) >= wanted or self.under_way.done()

        await eventually(ended, within=_PATIENCE_SECONDS)
        assert not self.under_way.done(), "the traffic ended by itself"

    async def settle(self) -> Recorded:
        """Let what is under way end, then check that everything holds. Raises AssertionError when it does not."""
        self.traffic.enough.set()
        await self.under_way
        assert not self.traffic.problems, self.traffic.problems
        for status in self.stack.statuses():
            await self.stack.wait_ready(status.name, _PATIENCE_SECONDS)
        return await require_invariants(self.reader, self.traffic.acknowledged, within=_PATIENCE_SECONDS)

    def longest_stop(self, since: datetime) -> float:
        """The longest time, in seconds, in which no promotion took any step after `since`."""
        moments = [since, *(at for at in self.traffic.steps() if at > since)]
        return max(((later - earlier).total_seconds() for earlier, later in pairwise(moments)), default=0.0)

    def report(self, what: str, since: datetime) -> None:
        """Print how long promotions stood still."""
        ended, repeats = len(self.traffic.promotions), dict(self.traffic.client.repeats)
        print(f"\n{what}: {self.longest_stop(since):.1f} s without a step; {ended} ended; asked again: {repeats}")  # noqa: T201


def _hello(port: int) -> dict[str, Any]:
    options: dict[str, Any] = {"directConnection": True, "serverSelectionTimeoutMS": 500, "socketTimeoutMS": 500}
    with MongoClient[dict[str, Any]](LOOPBACK, port, **options) as client:
        try:
            return client.admin.command("hello")
        except PyMongoError:
            return {}


@asynccontextmanager
async def frozen(stack: Stack, name: str) -> AsyncIterator[None]:
    """A process that does nothing, answers nobody and keeps its connections, until the block ends."""
    await stack.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        await stack.kill(name, signal.SIGCONT)


@asynccontextmanager
async def a_cluster(directory: Path) -> AsyncIterator[Cluster]:
    """Three of each with promotions under way, some of which have ended."""
    data = directory / "data"
    options = stack_options(data, nodes=3, usual_ports=False)
    token = (data / "secrets/admin-token").read_text().strip()
    async with (
        running_stack(options) as stack,
        Impatient([stack.urls["gateway"]], token) as client,
        reader_of(stack, data) as reader,
    ):
        traffic = Traffic(client, keys.generate())
        await traffic.set_up(_LANES)
        under_way = asyncio.create_task(traffic.run(lanes_of(_MANY, _LANES, seed=utc_now().microsecond)))
        cluster = Cluster(stack, traffic, reader, under_way)
        try:
            await cluster.more_ended(_WARM)
            yield cluster
        finally:
            under_way.cancel()
            await asyncio.gather(under_way, return_exceptions=True)
