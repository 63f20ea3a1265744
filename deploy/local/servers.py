"""NATS and MongoDB for one stack: started, provided with users, and kept running.

Rules
- One of each, or three of each on this machine, to see what a failover does.
- Existing servers win: for each that is given, nothing is started and no credentials are made.
- Every user gets the address and its own secrets, nobody else's.
- MongoDB keeps its port across restarts where it can: its replica set is known by that address.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from deploy.local import mongo_config, nats_config
from deploy.local.binaries import find_mongod, find_nats_server
from deploy.local.credentials import MONGO_ROOT, Credentials, load_or_create
from deploy.local.launching import LauncherClient
from deploy.local.layout import DataDirectory, write_private
from deploy.local.nodes import MONGOD, NATS, folder_of, is_server, names, refuse_other_number
from deploy.local.options import DATABASE_PREFIX, MongoRights, NatsRights
from deploy.local.orders import Exec
from deploy.local.ports import LOOPBACK, MONGO_PORT, NATS_PORT, PortChooser
from deploy.local.readiness import Probe, listening, nats_ready
from deploy.local.state import StackState, held_lock, load_state, save_state
from deploy.local.supervisor import Plan, Supervisor, all_or_first_problem
from shared.errors import NotFound

__all__ = ("MONGOD", "NATS", "LaunchedServers", "Servers", "ServersWanted", "launch_servers", "running_servers")
_ROUTES = "routes between nats-servers"
"""The name under which their secret is kept: no NATS user can have one with spaces."""
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True, repr=False)
class Servers:
    """The servers of one stack, started here or given. Contains secrets, hence no repr."""

    nats_url: str
    """One address, or several separated by commas."""
    mongo_url: str
    nats_secrets: Mapping[str, str]
    mongo_urls: Mapping[str, str]
    mongo_root_url: str
    """For provisioning and tests: may do everything. The given URL where the server was given."""
    ports: Mapping[str, int]
    """By process: `mongod`, or `mongod-1` and so on."""

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
    mongo_rights: Mapping[str, MongoRights] = field(default_factory=dict)
    """Of those users that are confined."""
    nats_url: str | None = None
    mongo_url: str | None = None
    nodes: int = 1
    """How many of each server to start: 1 or 3."""
    start_timeout: float = 60.0
    usual_ports: bool = True
    """Whether to try 4222 and 27017 before free ports."""


@asynccontextmanager
async def running_servers(
    data_dir: Path,
    nats_rights: Mapping[str, NatsRights],
    mongo_users: Collection[str] = (),
    *,
    mongo_rights: Mapping[str, MongoRights] | None = None,
    nodes: int = 1,
) -> AsyncIterator[Servers]:
    """Only NATS and MongoDB, with these users, until the block ends. Each Mongo user owns `hallmark_<user>`.

    Those that have `mongo_rights` may change and remove there only what these say.

    Several may run at the same time in different directories: they use any free ports, not the usual ones.

    Raises `HallmarkError` when a program or library is missing, the directory is in use, or a server does not start.
    """
    directory = DataDirectory.create(data_dir)
    wanted = ServersWanted(
        nats_rights=nats_rights,
        mongo_users=mongo_users,
        mongo_rights=mongo_rights or {},
        usual_ports=False,
        nodes=nodes,
    )
    with held_lock(directory) as lock:
        launcher = await LauncherClient.start(directory, lock)
        supervisor = Supervisor(launcher)
        try:
            servers = await (await launch_servers(supervisor, directory, wanted, PortChooser())).ready()
            save_state(directory, StackState(ports=servers.ports))
            yield servers
        finally:
            await supervisor.stop_everything(last=is_server)
            await launcher.close()


async def launch_servers(
    supervisor: Supervisor, directory: DataDirectory, wanted: ServersWanted, ports: PortChooser
) -> LaunchedServers:
    """Launch what is wanted and not given. They run when this returns, and can be used after `ready`."""
    refuse_other_number(directory, wanted.nodes)
    nats_users = [*wanted.nats_rights, _ROUTES] if wanted.nats_url is None else []
    mongo_users = wanted.mongo_users if wanted.mongo_url is None else ()
    credentials = load_or_create(directory, nats_users, mongo_users)
    before = load_state(directory).ports
    launched = LaunchedServers(supervisor, directory, wanted, credentials, {})

    def choose(server: str, usual: int) -> dict[str, int]:
        wishes: dict[str, tuple[int, ...]] = {name: (before.get(name, 0),) for name in names(server, wanted.nodes)}
        first = next(iter(wishes))
        if wanted.usual_ports:  # MongoDB is known by its address; of NATS people expect the usual one.
            wishes[first] = (*wishes[first], usual) if server == MONGOD else (usual, *wishes[first])
        return {name: ports.choose(wished) for name, wished in wishes.items()}

    if wanted.mongo_url is None:
        launched.mongods(find_mongod(), choose(MONGOD, MONGO_PORT))
    if wanted.nats_url is None:
        routes = {name: ports.choose() for name in names(NATS, wanted.nodes)}
        launched.nats_servers(find_nats_server(), choose(NATS, NATS_PORT), routes)
    return launched


@dataclass(frozen=True, slots=True, repr=False)
class LaunchedServers:
    """Servers on their way up."""

    supervisor: Supervisor
    directory: DataDirectory
    wanted: ServersWanted
    credentials: Credentials
    ports: dict[str, int]

    def nats_servers(self, program: Path, ports: Mapping[str, int], routes: Mapping[str, int]) -> None:
        """Launch every nats-server with a fresh configuration; they reach each other on `routes`."""
        for name, port in ports.items():
            others = tuple(route for other, route in routes.items() if other != name)
            secret = self.credentials.nats[_ROUTES]
            cluster = nats_config.Cluster(name, routes[name], others, secret) if others else None
            text = nats_config.render(
                port=port,
                store=folder_of(name, self.directory),
                rights=self.wanted.nats_rights,
                passwords=self.credentials.nats,
                cluster=cluster,
            )
            path = self.directory.secrets / f"{name.replace(NATS, 'nats')}.conf"
            write_private(path, text)
            self._begin(name, [str(program), "-c", str(path)], port, nats_ready(port))

    def mongods(self, program: Path, ports: Mapping[str, int]) -> None:
        """Launch every mongod on its data, whatever state that is in."""
        for name, port in ports.items():
            data, keyfile = folder_of(name, self.directory), self.credentials.mongo_keyfile
            argv = mongo_config.arguments(program, port=port, data=data, keyfile=keyfile)
            self._begin(name, argv, port, listening(port))

    async def ready(self) -> Servers:
        """Wait until the launched servers can be used, with their users. Raises `HallmarkError` when one cannot."""
        nats, mongods = self._launched(NATS), self._launched(MONGOD)
        waits: list[Coroutine[None, None, None]] = [self._up(name) for name in nats]
        if mongods:
            waits.append(self._mongo_ready(mongods))
        await all_or_first_problem(waits)
        return _servers(self.wanted, self.credentials, self.ports)

    def _launched(self, server: str) -> tuple[str, ...]:
        return tuple(name for name in names(server, self.wanted.nodes) if name in self.ports)

    async def _up(self, name: str) -> None:
        await self.supervisor.process(name).wait_ready(self.wanted.start_timeout)

    async def _mongo_ready(self, mongods: Sequence[str]) -> None:
        bring_up = await asyncio.to_thread(_bring_up, [self.ports[name] for name in mongods], self)
        await all_or_first_problem(self._up(name) for name in mongods)
        await asyncio.to_thread(bring_up, self.wanted.start_timeout)

    def _begin(self, name: str, argv: list[str], port: int, probe: Probe) -> None:
        env = {variable: os.environ[variable] for variable in _PASSED_ON if variable in os.environ}
        self.ports[name] = port
        self.supervisor.begin(Plan(Exec(name, argv, env, str(self.directory.log(name))), port, probe))


def _bring_up(ports: Sequence[int], launched: LaunchedServers) -> Callable[[float], None]:
    from deploy.local.mongod import bring_up  # noqa: PLC0415 - 0.2 s of imports, spent while mongod starts

    return partial(bring_up, ports, launched.credentials, rights=launched.wanted.mongo_rights)


def _servers(wanted: ServersWanted, credentials: Credentials, ports: Mapping[str, int]) -> Servers:
    nats, mongo = ([ports[name] for name in names(one, wanted.nodes) if name in ports] for one in (NATS, MONGOD))
    if not mongo:
        mongo_url = root = wanted.mongo_url or ""
        mongo_urls: dict[str, str] = {}
    else:
        mongo_url = mongo_config.server_url(mongo)
        secrets = credentials.mongo
        root = mongo_config.user_url(mongo, MONGO_ROOT, secrets[MONGO_ROOT], "admin")
        mongo_urls = {
            user: mongo_config.user_url(mongo, user, secrets[user], DATABASE_PREFIX + user)
            for user in wanted.mongo_users
        }
    return Servers(
        nats_url=",".join(f"nats://{LOOPBACK}:{port}" for port in nats) or wanted.nats_url or "",
        mongo_url=mongo_url,
        nats_secrets={user: secret for user, secret in credentials.nats.items() if user != _ROUTES},
        mongo_urls=mongo_urls,
        mongo_root_url=root,
        ports=ports,
    )
