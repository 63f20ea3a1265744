"""Everything that a running system has on record, read at once when it is at rest, for checks that go across services.

Only reads: it may look at a stack in use. `read` raises what the drivers raise while servers are away.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from contracts.evidence.v1.commands import Receipt
from contracts.headers import NATS_MESSAGE_ID
from contracts.message import DeadLetter
from contracts.streams import DEAD, EVT, STREAMS
from contracts.vocabulary import Actor, ActorKind, Role
from deploy.local.stack import Stack
from shared.clock import utc_now
from shared.gate_keys import GateKeys
from shared.identity import Caller, issue_token, load_identity_key
from shared.messaging.asking import Asker
from shared.messaging.broker import make_broker
from shared.mongo import Document, connect
from shared.settings import ServiceSettings
from tests.support.log_checks import LogWatch

SERVICES = ("registry", "evidence", "gate", "promotion", "monitoring")
ORIGIN = "hallmark.local/log"
_AT_ONCE = 500
_TRUTH = {
    "registry": ("versions", "standings"),
    "evidence": ("records", "log_queue"),
    "promotion": ("promotions", "claims"),
}
_LEFT_OUT = {"records": {"data": 0}}


@dataclass(frozen=True)
class Said:
    """One message of a stream."""

    sequence: int
    subject: str
    message_id: str
    body: bytes

    @property
    def kind(self) -> str:
        """The subject without project and application."""
        return ".".join(self.subject.split(".")[:6])

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Recorded:
    """What is on record, in every database and every stream."""

    promotions: Mapping[str, Document] = field(default_factory=dict)
    """By id, as all documents here."""
    claims: Mapping[str, Document] = field(default_factory=dict)
    versions: Mapping[str, Document] = field(default_factory=dict)
    standings: Mapping[str, Document] = field(default_factory=dict)
    records: Mapping[str, Document] = field(default_factory=dict)
    queued: Mapping[str, Document] = field(default_factory=dict)
    """What waits to be written into the log."""
    outboxes: Mapping[str, Mapping[str, Document]] = field(default_factory=dict)
    buried: Mapping[str, Mapping[str, Document]] = field(default_factory=dict)
    """Each service's own list of its dead letters."""
    facts: tuple[Said, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    backlog: tuple[str, ...] = ()
    """Durable consumers that have something to do, in words."""
    log: tuple[Mapping[str, Any], ...] = ()
    """Entries of the transparency log, as JSON, in order."""
    log_problems: tuple[str, ...] = ()

    def facts_of(self, kind: str) -> list[Said]:
        """Facts by the end of their subject's name, such as `version.moved`."""
        return [one for one in self.facts if one.kind.endswith(f".{kind}.v1")]


@dataclass
class Acknowledged:
    """What somebody was told is done."""

    promotions: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    """`project/application/version`."""
    receipts: list[Receipt] = field(default_factory=list)


@dataclass
class Reader:
    """Where a system's records are."""

    mongo_url: str
    """Of somebody who may read every database."""
    nats: Client
    """With the rights of `provision`."""
    gate_keys: GateKeys
    watch: LogWatch

    async def read(self) -> Recorded:
        """Everything on record. Raises what the drivers raise."""
        found: dict[str, Any] = {"outboxes": {}, "buried": {}}
        for service in SERVICES:
            async with connect(self.mongo_url, f"hallmark_{service}", application="test") as database:
                for name in _TRUTH.get(service, ()):
                    documents = await database.collection(name).every({}, only=_LEFT_OUT.get(name))
                    found["queued" if name == "log_queue" else name] = {one["_id"]: one for one in documents}
                for name, place in (("outbox", "outboxes"), ("dead_letters", "buried")):
                    documents = await database.collection(name).every({})
                    found[place][service] = {one["_id"]: one for one in documents}
        jetstream = self.nats.jetstream()
        letters = [one async for one in messages(jetstream, DEAD.name)]
        return Recorded(
            **found,
            facts=tuple([one async for one in messages(jetstream, EVT.name)]),
            dead=tuple(DeadLetter.model_validate_json(one.body) for one in letters),
            backlog=tuple(await backlog(jetstream)),
            log=tuple(json.loads(one.entry) for one in await self.watch.entries()),
            log_problems=tuple(await self.watch.problems()),
        )

    async def restless(self) -> list[str]:
        """What is still on its way, in words."""
        found = await backlog(self.nats.jetstream())
        for service in SERVICES:
            async with connect(self.mongo_url, f"hallmark_{service}", application="test") as database:
                if waiting := await database.collection("outbox").count({"sent": False}):
                    found.append(f"{waiting} messages of {service} are not published")
        async with connect(self.mongo_url, "hallmark_evidence", application="test") as database:
            if waiting := await database.collection("log_queue").count({}):
                found.append(f"{waiting} entries are not in the log")
        async with connect(self.mongo_url, "hallmark_promotion", application="test") as database:
            busy = await database.collection("promotions").find({"open": True, "doing": {"$ne": None}})
            found += [f"promotion {one['_id']} waits for {one['doing']}" for one in busy]
        return found


async def messages(jetstream: JetStreamContext, stream: str) -> AsyncIterator[Said]:
    """Every message of a stream, in order."""
    left = (await jetstream.stream_info(stream)).state.messages
    if not left:
        return
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL, inactive_threshold=60)
    reading = await jetstream.pull_subscribe("", stream=stream, config=config)
    try:
        while left > 0:
            for one in await reading.fetch(min(left, _AT_ONCE), timeout=10):
                left -= 1
                message_id = (one.headers or {}).get(NATS_MESSAGE_ID, "")
                yield Said(one.metadata.sequence.stream, one.subject, message_id, one.data)
    except NatsTimeoutError:  # Something was removed since it was counted.
        return
    finally:
        await reading.unsubscribe()


async def backlog(jetstream: JetStreamContext) -> list[str]:
    """What durable consumers have not handled yet, in words."""
    found: list[str] = []
    for stream in STREAMS:
        for consumer in await jetstream.consumers_info(stream.name):
            if consumer.config.durable_name and (consumer.num_pending or consumer.num_ack_pending):
                counts = f"{consumer.num_pending} to deliver, {consumer.num_ack_pending} to acknowledge"
                found.append(f"{consumer.name}: {counts}")
    return found


def original(letter: DeadLetter) -> bytes:
    """The body of the message that was buried."""
    return base64.b64decode(letter.body)


@asynccontextmanager
async def reader_of(stack: Stack, data_dir: Path) -> AsyncIterator[Reader]:
    """A reader of a whole local stack whose data lies there."""
    key = load_identity_key(data_dir / "secrets/identity/gateway.key")
    auditor = Caller(Actor(subject="auditor", kind=ActorKind.HUMAN), {"*": frozenset({Role.ADMIN})})

    def token() -> str:
        return issue_token(key, "gateway", auditor, now=datetime.now(UTC), lifetime=timedelta(minutes=5))

    gateway = next(variables for name, variables in stack.env.items() if name.startswith("gateway"))
    env: dict[str, Any] = {name.removeprefix("HALLMARK_").lower(): value for name, value in gateway.items()}
    broker = make_broker(ServiceSettings(**{k: v for k, v in env.items() if k in ServiceSettings.model_fields}))
    provision = stack.servers.env("provision")
    async with AsyncExitStack() as open_connections:
        await broker.connect()
        open_connections.push_async_callback(broker.stop)
        connection = await nats.connect(
            provision["HALLMARK_NATS_URL"].split(","),
            user=provision["HALLMARK_NATS_USER"],
            password=provision["HALLMARK_NATS_PASSWORD"],
            inbox_prefix="_INBOX_provision",
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,
            error_cb=_quiet,
        )
        open_connections.push_async_callback(connection.close)
        asker = Asker(broker, source="/test", own_token=token, clock=utc_now)
        keys = await asyncio.to_thread(GateKeys.from_folder, Path(env["issuers_dir"]))
        yield Reader(stack.servers.mongo_root_url, connection, keys, LogWatch(asker, ORIGIN))


async def _quiet(_: Exception) -> None:
    """Servers that go away are part of these tests."""
