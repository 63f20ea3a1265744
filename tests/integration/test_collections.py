"""The databases of services that start."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deploy.local.options import NatsRights
from deploy.local.servers import running_servers
from shared.errors import Invalid
from shared.mongo import Index, connect, in_transaction

pytestmark = pytest.mark.servers


async def test_instances_that_start_together_do_not_stumble_over_each_other(tmp_path: Path) -> None:
    wanted: dict[str, tuple[Index, ...]] = {f"things{number}": (Index((("name", 1),)),) for number in range(8)}
    async with (
        running_servers(tmp_path / "data", {"gate": NatsRights()}, ["gate"]) as servers,
        AsyncExitStack() as all_open,
    ):
        url = servers.env("gate")["HALLMARK_MONGO_URL"]
        databases = [
            await all_open.enter_async_context(connect(url, "hallmark_gate", application="test")) for _ in range(6)
        ]
        await asyncio.gather(*(database.create_indexes(wanted) for database in databases))
        assert await databases[0].collection("things3").count({}) == 0


async def test_a_transaction_that_has_done_nothing_yet_knows_the_time(tmp_path: Path) -> None:
    async with (
        running_servers(tmp_path / "data", {"gate": NatsRights()}, ["gate"]) as servers,
        connect(servers.env("gate")["HALLMARK_MONGO_URL"], "hallmark_gate", application="test") as database,
    ):
        await database.create_indexes({"outbox": ()})
        times = [await in_transaction(database, lambda session: session.causal_time()) for _ in range(2)]
    assert times == sorted(times)


async def test_what_cannot_be_stored_or_looked_for_is_refused_and_not_tried_again(tmp_path: Path) -> None:
    async with (
        running_servers(tmp_path / "data", {"gate": NatsRights()}, ["gate"]) as servers,
        connect(servers.env("gate")["HALLMARK_MONGO_URL"], "hallmark_gate", application="test") as database,
    ):
        things = database.collection("things")
        for where in ({"_id": 2**63}, {"name": {"a\0b": 1}}):
            with pytest.raises(Invalid) as refused:
                await things.find(where)
            assert (refused.value.code, bool(refused.value.remedy)) == ("value_unusable", True)
        with pytest.raises(Invalid):
            await things.add({"_id": "large", "count": 2**63})
