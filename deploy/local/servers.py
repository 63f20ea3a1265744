"""NATS and MongoDB for one stack: started, provided with users, and kept running.

Rules
- Existing servers win: for each that is given, nothing is started and no credentials are made.
- Every user gets the address and its own secrets, nobody else's.
- MongoDB keeps its port across restarts where it can: its replica set is known by that address.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deploy.local import mongo_config, nats_config
from deploy.local.binaries import find_mongod, find_nats_server
from deploy.local.credentials import MONGO_ROOT, Credentials, load_or_create
from deploy.local.launching import LauncherClient
from deploy.local.layout import DataDirectory, write_private
from deploy.local.options import DATABASE_PREFIX, NatsRights
from deploy.local.orders import Exec
from deploy.local.ports import LOOPBACK, MONGO_PORT, NATS_PORT, PortChooser
from deploy.local.readiness import nats_ready, port_open
from deploy.local.state import StackState, held_lock, load_state, save_state
from deploy.local.supervisor import Plan, Supervisor
from shared.errors import NotFound

NATS, MONGOD = "nats-server", "mongod"
SERVER_NAMES = (NATS, MONGOD)
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True, repr=False)
class Servers:
    """The servers of one stack, started here or given. Contains secrets, hence no repr."""

    nats_url: str
    mongo_url: str
    nats_secrets: Mapping[str, str]
    mongo_urls: Mapping[str, str]
    mongo_root_url: str
    """For provisioning and tests: may do everything. The given URL where the server was given."""
    ports: Mapping[str, int]

    def env(self, user: str) -> dict[str, str]:
        """The `HALLMARK_*` variables with which `user` connects. Raises `NotFound` for an unknown user."""
        found = {"HALLMARK_NATS_URL": self.nats_url}
        if self.nats_secrets:
            if user not in self.nats_secrets:
                raise NotFound("nats_user_unknown", f"NATS has no user {user}.", remedy="Give it rights first.")
            found |= {"HALLMARK_NATS_USER": user, "HALLMARK_NATS_PASSWORD": self.nats_secrets[user]}
        if not self.mongo_urls:
            found["HALLMARK_MONGO_URL"] = self.mongo_url
        elif user in self.mongo_urls:
            found["HALLMARK_MONGO_URL"] = self.mongo_urls[user]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ServersWanted:
    """Which servers to have, and for whom. A given URL means: use that server as it is."""

    nats_rights: Mapping[str, NatsRights]
    mongo_users: Collection[str]
    nats_url: str | None = None
    mongo_url: str | None = None
    start_timeout: float = 60.0


@asynccontextmanager
async def running_servers(
    data_dir: Path, nats_rights: Mapping[str, NatsRights], mongo_users: Collection[str] = ()
) -> AsyncIterator[Servers]:
    """Only NATS and MongoDB, with these users, until the block ends. Each Mongo user owns `hallmark_<user>`.

    Raises `HallmarkError` when a program or library is missing, the directory is in use, or a server does not start.
    """
    directory = DataDirectory.create(data_dir)
    wanted = ServersWanted(nats_rights=nats_rights, mongo_users=mongo_users)
    with held_lock(directory) as lock:
        launcher = await LauncherClient.start(directory, lock)
        supervisor = Supervisor(launcher)
        try:
            servers = await start_servers(supervisor, directory, wanted, PortChooser())
            save_state(directory, StackState(ports=servers.ports))
            yield servers
        finally:
            await supervisor.stop_everything(last=SERVER_NAMES)
            await launcher.close()


async def start_servers(
    supervisor: Supervisor, directory: DataDirectory, wanted: ServersWanted, ports: PortChooser
) -> Servers:
    """Start what is wanted and not given, both at the same time; returns when they can be used."""
    nats_users = wanted.nats_rights if wanted.nats_url is None else {}
    mongo_users = wanted.mongo_users if wanted.mongo_url is None else ()
    credentials = load_or_create(directory, nats_users, mongo_users)
    before = load_state(directory).ports
    chosen: dict[str, int] = {}
    if wanted.nats_url is None:
        chosen[NATS] = ports.choose((NATS_PORT, before.get(NATS, 0)))
    if wanted.mongo_url is None:
        chosen[MONGOD] = ports.choose((before.get(MONGOD, 0), MONGO_PORT))
    start = _Start(supervisor, directory, wanted, credentials)
    nats, mongo = await asyncio.gather(
        start.nats(chosen.get(NATS)), start.mongod(chosen.get(MONGOD)), return_exceptions=True
    )
    for outcome in (nats, mongo):
        if isinstance(outcome, BaseException):
            raise outcome
    return _servers(wanted, credentials, chosen)


@dataclass(frozen=True, slots=True, repr=False)
class _Start:
    supervisor: Supervisor
    directory: DataDirectory
    wanted: ServersWanted
    credentials: Credentials

    async def nats(self, port: int | None) -> None:
        if port is None:
            return
        program = await asyncio.to_thread(find_nats_server)
        path = self.directory.secrets / "nats.conf"
        rights, secrets = self.wanted.nats_rights, self.credentials.nats
        write_private(path, nats_config.render(port=port, store=self.directory.nats, rights=rights, passwords=secrets))
        plan = Plan(self._order(NATS, [str(program), "-c", str(path)]), port, nats_ready(port))
        await self.supervisor.begin(plan).wait_ready(self.wanted.start_timeout)

    async def mongod(self, port: int | None) -> None:
        if port is None:
            return
        program = await asyncio.to_thread(find_mongod)
        data, keyfile = self.directory.mongo, self.credentials.mongo_keyfile
        command = mongo_config.arguments(program, port=port, data=data, keyfile=keyfile)

        async def listening() -> bool:
            return await port_open(port)

        mongod = self.supervisor.begin(Plan(self._order(MONGOD, command), port, listening))
        importing = asyncio.create_task(asyncio.to_thread(_bring_up, port, self.credentials))
        await mongod.wait_ready(self.wanted.start_timeout)
        bring_up = await importing
        await asyncio.to_thread(bring_up, self.wanted.start_timeout)

    def _order(self, name: str, argv: list[str]) -> Exec:
        env = {variable: os.environ[variable] for variable in _PASSED_ON if variable in os.environ}
        return Exec(name, argv, env, str(self.directory.log(name)))


def _bring_up(port: int, credentials: Credentials) -> Callable[[float], None]:
    from deploy.local.mongod import bring_up  # noqa: PLC0415 - 0.2 s of imports, spent while mongod starts

    return partial(bring_up, port, credentials)


def _servers(wanted: ServersWanted, credentials: Credentials, ports: Mapping[str, int]) -> Servers:
    mongo_port = ports.get(MONGOD)
    if mongo_port is None:
        mongo_url = root = wanted.mongo_url or ""
        mongo_urls: dict[str, str] = {}
    else:
        mongo_url = mongo_config.server_url(mongo_port)
        secrets = credentials.mongo
        root = mongo_config.user_url(mongo_port, MONGO_ROOT, secrets[MONGO_ROOT], "admin")
        mongo_urls = {
            user: mongo_config.user_url(mongo_port, user, secrets[user], DATABASE_PREFIX + user)
            for user in wanted.mongo_users
        }
    nats_port = ports.get(NATS)
    return Servers(
        nats_url=f"nats://{LOOPBACK}:{nats_port}" if nats_port else wanted.nats_url or "",
        mongo_url=mongo_url,
        nats_secrets=credentials.nats,
        mongo_urls=mongo_urls,
        mongo_root_url=root,
        ports=ports,
    )
