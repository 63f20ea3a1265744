"""A NATS and a MongoDB for one test, and services running on them inside the test's own event loop."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from nats.aio.client import Client
from pymongo import MongoClient

from contracts.vocabulary import Actor, ActorKind, Role
from deploy.local.servers import Servers, running_servers
from deploy.provision import provision_at
from deploy.rights import all_mongo_rights, all_rights
from shared.clock import Clock, utc_now
from shared.identity import Caller, issue_token
from shared.messaging.asking import Asker
from shared.messaging.broker import make_broker
from shared.mongo import Database, connect
from shared.service import Running, Service, running
from shared.settings import ServiceSettings


@dataclass
class System:
    """Servers, provisioned for some services, and the keys to speak for anybody."""

    directory: Path
    servers: Servers
    services: tuple[Service[Any], ...]
    gateway_key: Ed25519PrivateKey
    clock: Clock = utc_now
    stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    def settings(self, name: str, *, instance: str = "one", **more: Any) -> ServiceSettings:
        env = {key.removeprefix("HALLMARK_").lower(): value for key, value in self.servers.env(name).items()}
        identity = self.directory / f"{name}.key"
        return ServiceSettings(
            service=name,
            instance=f"{name}-{instance}",
            issuers_dir=self.directory / "issuers",
            identity_key=identity if identity.exists() else None,
            **(env | more),
        )

    async def beside(self, service: str) -> Database:
        """The database of a service, as somebody sees it who may do there what the service itself may not."""
        return await self.stack.enter_async_context(
            connect(self.servers.mongo_root_url, f"hallmark_{service}", application="beside")
        )

    async def provision(self) -> None:
        env = self.servers.env("provision")
        await provision_at(
            env["HALLMARK_NATS_URL"],
            self.services,
            user=env["HALLMARK_NATS_USER"],
            password=env["HALLMARK_NATS_PASSWORD"],
        )

    async def connect(self, user: str) -> Client:
        """A bare NATS connection with the rights of that user."""
        env = self.servers.env(user)
        connection = await nats.connect(
            env["HALLMARK_NATS_URL"],
            user=env["HALLMARK_NATS_USER"],
            password=env["HALLMARK_NATS_PASSWORD"],
            inbox_prefix=f"_INBOX_{user}",
        )
        self.stack.push_async_callback(connection.close)
        return connection

    async def start(self, service: Service[Any], *, instance: str = "one", **more: Any) -> Running[Any]:
        return await self.stack.enter_async_context(
            running(service, self.settings(service.name, instance=instance, **more), self.clock)
        )

    def token(self, subject: str = "ann", *roles: Role, project: str = "*", kind: ActorKind = ActorKind.HUMAN) -> str:
        caller = Caller(Actor(subject=subject, kind=kind), {project: frozenset(roles or {Role.ADMIN})})
        return issue_token(self.gateway_key, "gateway", caller, now=datetime.now(UTC), lifetime=timedelta(minutes=30))

    async def asker(self) -> Asker:
        """Asks as the gateway does, for an administrator unless a token says otherwise."""
        broker = make_broker(self.settings("gateway"))
        await broker.connect()
        self.stack.push_async_callback(broker.stop)
        return Asker(broker, source="/test", own_token=self.token, clock=self.clock)


def _write_keys(directory: Path, names: list[str]) -> Ed25519PrivateKey:
    issuers = directory / "issuers"
    issuers.mkdir(parents=True)
    gateway = Ed25519PrivateKey.generate()
    for name in names:
        key = gateway if name == "gateway" else Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (directory / f"{name}.key").write_bytes(pem)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (issuers / f"{name}.pem").write_bytes(public)
    return gateway


def _keep_everything(servers: Servers) -> None:
    """By a clock of its own a system keeps what MongoDB, by the real one, would delete as expired once a minute."""
    with MongoClient[Any](servers.mongo_root_url) as client:
        client.admin.command("setParameter", 1, ttlMonitorEnabled=False)


@contextlib.asynccontextmanager
async def a_system(
    directory: Path, *services: Service[Any], clock: Clock = utc_now, provisioned: bool = True
) -> AsyncIterator[System]:
    names = [service.name for service in services]
    key = _write_keys(directory, sorted({*names, "gate", "gateway"}))
    async with running_servers(
        directory / "data", all_rights(services), [*names, "gateway"], mongo_rights=all_mongo_rights(services)
    ) as servers:
        if clock is not utc_now:
            _keep_everything(servers)
        system = System(directory, servers, services, key, clock)
        if provisioned:
            await system.provision()
        async with system.stack:
            yield system
