"""The real system beside the model: five services, all but monitoring in two instances, on one NATS and one MongoDB.

- A client asks as impatient clients do: again, under the same id, until it is answered.
- `settle` returns when nothing is on its way any more. Only then is the system compared with the model.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from nats.js import JetStreamContext
from pydantic import BaseModel

from contracts.headers import NATS_MESSAGE_ID
from contracts.message import Command, Query
from contracts.streams import EVT, TELL, stream_of
from contracts.vocabulary import Actor, ActorKind, Role
from deploy.provision import stream_config
from services.evidence.app import SERVICE as EVIDENCE
from services.evidence.settings import EvidenceSettings
from services.gate.app import SERVICE as GATE
from services.monitoring.app import SERVICE as MONITORING
from services.promotion.app import SERVICE as PROMOTION
from services.promotion.sweep import sweep_once
from services.registry.app import SERVICE as REGISTRY
from shared.clock import utc_now
from shared.crypto import keys
from shared.errors import Busy, Transient
from shared.identity import Caller, Speaker
from shared.messaging import binding
from shared.messaging.asking import Asker
from shared.mongo import Database, Document, connect
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.instances import Deaths, Instance, make_mortal
from tests.support.recorded import Said, backlog
from tests.support.system import System, a_system

A = TypeVar("A", bound=BaseModel)
TWO = ("one", "two")
SERVICES = (REGISTRY, EVIDENCE, GATE, PROMOTION, MONITORING)
ACK_WAIT_SECONDS = 2
"""Instead of a minute: what a dead instance held comes back so soon."""
_ANSWER_WITHIN = 2.0
_STREAMS_REMEMBER_SECONDS = 0.1
_ATTEMPTS = 30


@dataclass
class World:
    """Everything that a history is played on."""

    system: System
    clock: FrozenClock
    instances: dict[str, list[Instance]]
    deaths: Deaths
    asker: Asker
    jetstream: JetStreamContext
    key: keys.PrivateKey
    speaker: Speaker
    resent: dict[str, JetStreamContext]
    databases: dict[str, Database]
    """As somebody reads them who may read all."""
    told: dict[str, list[Said]] = field(default_factory=dict)
    """Every fact of the stream, by project."""
    _read: int = 0

    def token(self, subject: str, *roles: Role) -> str:
        """A token of the gateway for a person. Tokens are about the real present."""
        caller = Caller(Actor(subject=subject, kind=ActorKind.HUMAN), {"*": frozenset(roles or {Role.ADMIN})})
        return self.speaker.token(caller, utc_now())

    async def ask(self, message: Command | Query, answer: type[A], *, by: str = "ann", role: Role = Role.ADMIN) -> A:
        """The answer, however often it has to be asked for. Raises the refusal."""
        for _ in range(_ATTEMPTS):
            try:
                return await self.asker.ask(message, answer, token=self.token(by, role), deadline=_ANSWER_WITHIN)
            except Busy:
                await asyncio.sleep(0.2)
            except Transient as error:
                problem = error
        raise problem

    async def sweep(self) -> None:
        """Have the promotion service look at what time has changed, now rather than within a second."""
        while True:
            instance = self.instances["promotion"][0]
            await instance.ready()
            sweeping = instance.perform(sweep_once)
            await asyncio.wait({sweeping})
            if not sweeping.cancelled():  # It died of it.
                return sweeping.result()

    async def settle(self) -> None:
        """Wait until nothing is on its way."""
        await asyncio.gather(*(one.ready() for several in self.instances.values() for one in several))
        await eventually(self._restless, lambda left: not left, within=60)

    async def _restless(self) -> list[str]:
        before = await self._published()
        found = await backlog(self.jetstream)
        for name, database in self.databases.items():
            if await database.collection("outbox").count({"sent": False}):
                found.append(f"{name} has something to publish")
            if name == "evidence" and await database.collection("log_queue").count({}):
                found.append("something waits to be logged")
            if name == "promotion" and await database.collection("promotions").count(
                {"open": True, "doing": {"$ne": None}}
            ):
                found.append("a promotion is under way")
        return found if found or before == await self._published() else ["something was published"]

    async def _published(self) -> list[int]:
        streams = await asyncio.gather(
            *(self.jetstream.stream_info(name) for name in ("HALLMARK_EVT", "HALLMARK_TELL"))
        )
        return [one.state.last_seq for one in streams]

    async def read_facts(self, project: str) -> list[Said]:
        """Every fact about a project, in order."""
        last = (await self.jetstream.stream_info("HALLMARK_EVT")).state.last_seq
        for number in range(self._read + 1, last + 1):
            found = await self.jetstream.get_msg("HALLMARK_EVT", number)
            message_id = (found.headers or {}).get(NATS_MESSAGE_ID, "")
            said = Said(number, found.subject or "", message_id, found.data or b"")
            about = json.loads(said.body).get("project")
            self.told.setdefault(str(about), []).append(said)
        self._read = last
        return self.told.get(project, [])

    async def sent(self, service: str, project: str) -> list[Document]:
        """What a service has published about a project, oldest first."""
        rows = (
            await self.databases[service].collection("outbox").find({"sent": True}, sort=(("order", 1), ("place", 1)))
        )
        return [row for row in rows if json.loads(bytes(row["body"])).get("project") == project]

    async def send_again(self, service: str, row: Document) -> None:
        """Put a message that was published long ago into its stream once more, past the stream's own memory."""
        stream = stream_of(row["subject"]).name
        await self.resent[service].publish(row["subject"], bytes(row["body"]), stream=stream, headers=row["headers"])


def _settings(system: System, service: str, instance: str) -> Any:
    common = system.settings(service, instance=instance)
    if service != "evidence":
        return common
    key = system.directory / "signing.key"
    if not key.exists():
        keys.save_private(keys.generate(), key)
    return EvidenceSettings(
        **common.model_dump(exclude_unset=True) | {"signing_key": key, "log_origin": "test.example/log"}
    )


async def _forget_soon(jetstream: JetStreamContext) -> None:
    """Have the streams forget in a moment what they hold, so that what is sent again is delivered again."""
    for stream in (EVT, TELL):
        await jetstream.update_stream(replace(stream_config(stream), duplicate_window=_STREAMS_REMEMBER_SECONDS))


@asynccontextmanager
async def a_world(directory: Path) -> AsyncIterator[World]:
    """The whole system, up, with nothing on it."""
    clock, deaths = FrozenClock(), Deaths()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binding, "ACK_WAIT_SECONDS", ACK_WAIT_SECONDS)
        async with a_system(directory, *SERVICES, clock=clock) as system:
            make_mortal(patch, deaths)
            instances = {
                service.name: [
                    Instance(service, _settings(system, service.name, name), clock)
                    for name in TWO[: 1 + (service is not MONITORING)]
                ]
                for service in SERVICES
            }
            everyone = [one for several in instances.values() for one in several]
            for one in everyone:
                one.begin()
            try:
                await asyncio.gather(*(one.ready() for one in everyone))
                connection = await system.connect("provision")
                await _forget_soon(connection.jetstream())
                databases = {
                    service.name: await system.stack.enter_async_context(
                        connect(system.servers.mongo_root_url, f"hallmark_{service.name}", application="test")
                    )
                    for service in SERVICES
                }
                yield World(
                    system,
                    clock,
                    instances,
                    deaths,
                    await system.asker(),
                    connection.jetstream(),
                    keys.generate(),
                    Speaker(system.gateway_key, "gateway"),
                    {service.name: (await system.connect(service.name)).jetstream() for service in SERVICES},
                    databases,
                )
            finally:
                deaths.left.clear()
                await asyncio.gather(*(one.end() for one in everyone))
