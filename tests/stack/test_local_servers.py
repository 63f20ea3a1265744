"""The started NATS and MongoDB servers: who may do what, and what a restart keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from deploy.local.layout import DataDirectory
from deploy.local.options import NatsRights
from deploy.local.servers import MONGOD, NATS, Servers, running_servers
from deploy.local.state import load_state
from shared.errors import HallmarkError

pytestmark = pytest.mark.servers

RIGHTS = {
    "gate": NatsRights(publish=("evt.gate.>", "ask.>"), subscribe=("_INBOX.>",)),
    "registry": NatsRights(subscribe=("ask.>", "evt.>"), allow_responses=True),
    "provision": NatsRights(publish=("$JS.API.>",), subscribe=("_INBOX.>",)),
    "nobody": NatsRights(),
}
SERVICES = ("gate", "registry")


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    async with running_servers(tmp_path / "hallmark", RIGHTS, SERVICES) as started:
        yield started


class Connected:
    """A NATS connection of one user, and the refusals the server told it."""

    def __init__(self, servers: Servers, user: str) -> None:
        env = servers.env(user)
        self._login = {"user": env["HALLMARK_NATS_USER"], "password": env["HALLMARK_NATS_PASSWORD"]}
        self._url = servers.nats_url
        self.refusals: list[str] = []
        self.refused = asyncio.Event()

    async def __aenter__(self) -> tuple[Client, Connected]:
        async def note(error: Exception) -> None:
            self.refusals.append(str(error).lower())
            self.refused.set()

        self.client = await nats.connect(self._url, error_cb=note, allow_reconnect=False, **self._login)
        return self.client, self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()


@asynccontextmanager
async def _taken(port: int) -> AsyncIterator[None]:
    """Somebody else serves on the port, and hangs up on everybody."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", port):
        yield


async def _mongo_error(url: str, database: str, command: dict[str, Any]) -> int | None:
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        try:
            await client[database].command(command)
        except OperationFailure as refused:
            return refused.code
    return None


async def test_nobody_connects_to_nats_without_credentials(servers: Servers) -> None:
    # By hand: the client library leaves its socket open when it is refused.
    reader, writer = await asyncio.open_connection("127.0.0.1", servers.ports[NATS])
    assert b'"auth_required":true' in await reader.readline()
    writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
    assert await reader.readline() == b"-ERR 'Authorization Violation'\r\n"
    writer.close()
    await writer.wait_closed()


async def test_a_nats_user_may_do_what_it_was_given_and_nothing_else(servers: Servers) -> None:
    async with Connected(servers, "registry") as (registry, _), Connected(servers, "gate") as (gate, told):

        async def answer(message: Any) -> None:
            await message.respond(b"pong")

        await registry.subscribe("ask.registry", cb=answer)
        await registry.flush()
        assert (await gate.request("ask.registry", b"ping", timeout=5)).data == b"pong"
        await gate.publish("evt.registry.version", b"spoofed")
        await asyncio.wait_for(told.refused.wait(), 60)
        assert 'permissions violation for publish to "evt.registry.version"' in told.refusals[0]


@pytest.mark.parametrize("action", ["publish", "subscribe"])
async def test_empty_rights_allow_nothing(servers: Servers, action: str) -> None:
    async with Connected(servers, "nobody") as (client, told):
        await (client.publish("evt.x", b"") if action == "publish" else client.subscribe("evt.x"))
        await asyncio.wait_for(told.refused.wait(), 60)
        assert "permissions violation" in told.refusals[0]


async def test_a_service_owns_its_database_and_no_other(servers: Servers) -> None:
    url = servers.env("gate")["HALLMARK_MONGO_URL"]
    insert = {"insert": "things", "documents": [{"_id": 1}], "writeConcern": {"w": "majority", "j": True}}
    assert await _mongo_error(url, "hallmark_gate", insert) is None
    assert await _mongo_error(url, "hallmark_registry", insert) == 13
    assert await _mongo_error(url, "hallmark_registry", {"find": "things"}) == 13
    assert await _mongo_error(url, "admin", {"usersInfo": 1}) == 13
    assert await _mongo_error(servers.mongo_url, "hallmark_gate", {"find": "things"}) == 13


async def test_transactions_and_change_streams_work_for_a_service(servers: Servers) -> None:
    async with AsyncMongoClient[dict[str, Any]](servers.env("gate")["HALLMARK_MONGO_URL"]) as client:
        database = client.get_default_database()
        await database.create_collection("things")
        async with await database.watch() as changes, client.start_session() as session:
            async with await session.start_transaction():
                await database.things.insert_one({"_id": 1}, session=session)
            assert (await changes.next())["documentKey"] == {"_id": 1}


async def test_javascript_is_off(servers: Servers) -> None:
    url = servers.env("gate")["HALLMARK_MONGO_URL"]
    assert await _mongo_error(url, "hallmark_gate", {"find": "things", "filter": {"$where": "true"}}) is not None


async def test_data_and_credentials_survive_a_restart_on_other_ports(tmp_path: Path) -> None:
    home = tmp_path / "hallmark"
    async with running_servers(home, RIGHTS, SERVICES) as first:
        before = first.env("gate")
        async with Connected(first, "provision") as (client, _):
            await client.jetstream().add_stream(name="FACTS", subjects=["evt.>"])
        async with AsyncMongoClient[dict[str, Any]](before["HALLMARK_MONGO_URL"]) as mongo:
            await mongo.get_default_database().things.insert_one({"_id": 1})
    ports = load_state(DataDirectory(home)).ports
    async with _taken(ports[NATS]), _taken(ports[MONGOD]), running_servers(home, RIGHTS, SERVICES) as second:
        after = second.env("gate")
        assert set(second.ports.values()).isdisjoint(ports.values())
        assert after["HALLMARK_NATS_PASSWORD"] == before["HALLMARK_NATS_PASSWORD"]
        async with Connected(second, "provision") as (client, _):
            assert (await client.jetstream().stream_info("FACTS")).config.name == "FACTS"
        async with AsyncMongoClient[dict[str, Any]](after["HALLMARK_MONGO_URL"]) as mongo:
            assert await mongo.get_default_database().things.find_one() == {"_id": 1}


async def test_lost_credentials_are_named_and_nothing_is_overwritten(tmp_path: Path) -> None:
    home = tmp_path / "hallmark"
    async with running_servers(home, RIGHTS, SERVICES):
        pass
    (home / "secrets" / "credentials.json").unlink()
    with pytest.raises(HallmarkError) as refused:
        async with running_servers(home, RIGHTS, SERVICES):
            pass
    assert refused.value.code == "mongo_credentials_refused"
