"""The whole local stack: servers, then provisioning, then every service; and down again.

Rules
- The services are imported while the servers start, and started all at once when provisioning is done.
- Either everything becomes ready, or everything that was started is stopped and the first problem is raised.
- Services stop before servers. Only processes started here are ever signalled.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager

from deploy.local.launching import LauncherClient, launcher_gone
from deploy.local.layout import DataDirectory
from deploy.local.nodes import is_server
from deploy.local.options import Instance, StackOptions, instances_of
from deploy.local.orders import Fork
from deploy.local.ports import LOOPBACK, PortChooser
from deploy.local.readiness import http_ready
from deploy.local.servers import Servers, ServersWanted, launch_servers
from deploy.local.state import StackState, held_lock, load_state, save_state
from deploy.local.supervisor import Plan, Status, Supervisor, all_or_first_problem
from deploy.local.table import show_status
from shared.clock import utc_now

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STATE_SECONDS = 0.5


class Stack:
    """A running stack. Process names are `nats-server`, `mongod` (`-1` to `-3`), and the instances of the services."""

    def __init__(self, supervisor: Supervisor, servers: Servers, envs: Mapping[str, dict[str, str]]) -> None:
        self._supervisor = supervisor
        self.servers = servers
        self.env = envs
        """The variables each instance got, without the inherited ones. Contains secrets."""

    @property
    def urls(self) -> dict[str, str]:
        """Where things are, without credentials: `nats`, `mongo`, and one HTTP address per instance."""
        found = {"nats": self.servers.nats_url, "mongo": self.servers.mongo_url}
        for name, env in self.env.items():
            found[name] = f"http://{LOOPBACK}:{env['HALLMARK_HTTP_PORT']}"
        return found

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of everything that runs now."""
        return {status.name: status.pid for status in self.statuses() if status.pid}

    @property
    def failed(self) -> asyncio.Future[None]:
        """Resolves when the stack is beyond repair: its launcher ended, and every process with it."""
        return self._supervisor.launcher.gone

    def statuses(self) -> tuple[Status, ...]:
        """How every process stands now, in the order of start."""
        return self._supervisor.statuses()

    async def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal one process; after SIGKILL, return when it is gone. It is started again. Raises `NotFound`."""
        await self._supervisor.process(name).send_signal(number)

    async def stop(self, name: str) -> None:
        """End one process in order, and leave it ended until `start`. Raises `NotFound`."""
        await self._supervisor.process(name).stop()

    def start(self, name: str) -> None:
        """Start a process that was stopped, as it was started before. Raises `NotFound`."""
        self._supervisor.begin_again(name)

    async def wait_ready(self, name: str, seconds: float = 30.0) -> None:
        """Wait until the process is ready. Raises `NotFound`, or `Transient` after `seconds`."""
        await self._supervisor.process(name).wait_ready(seconds)


@asynccontextmanager
async def running_stack(options: StackOptions) -> AsyncIterator[Stack]:
    """The stack, ready to use, until the block ends; then everything is stopped.

    Raises `Conflict` when one already runs in the directory, `HallmarkError` for whatever did not start.
    """
    directory = DataDirectory.create(options.data_dir)
    with held_lock(directory) as lock:
        launcher = await LauncherClient.start(directory, lock)
        supervisor = Supervisor(launcher)
        try:
            stack = await _start(supervisor, directory, options)
            noting = asyncio.create_task(_keep_state(directory, stack))
            try:
                yield stack
            finally:
                noting.cancel()
        finally:
            await supervisor.stop_everything(last=is_server)
            await launcher.close()
            save_state(directory, StackState(ports=load_state(directory).ports))


async def run_stack(options: StackOptions) -> None:
    """Run the stack in the foreground, showing its status, until SIGINT, SIGTERM or SIGHUP.

    Raises what `running_stack` raises, and `Transient` when the launcher ended.
    """
    with _stop_asked() as stop:
        serving = asyncio.create_task(_serve(options))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        serving.cancel()
        await asyncio.wait({serving})
        if not serving.cancelled():
            serving.result()


async def _serve(options: StackOptions) -> None:
    async with running_stack(options) as stack:
        said = await options.greeting(stack.urls) if options.greeting else ()
        await show_status(stack.statuses, stack.urls, said, until=stack.failed)
        raise launcher_gone()


@contextmanager
def _stop_asked() -> Iterator[asyncio.Event]:
    # The handlers stay until everything has stopped, so that a second Ctrl-C does not tear an orderly stop.
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, asked.set)
    try:
        yield asked
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


async def _start(supervisor: Supervisor, directory: DataDirectory, options: StackOptions) -> Stack:
    instances = instances_of(options)
    ports = PortChooser()
    wanted = ServersWanted(
        nats_rights=options.nats_rights,
        mongo_users=[spec.name for spec in options.services],
        mongo_rights=options.mongo_rights,
        nats_url=options.nats_url,
        mongo_url=options.mongo_url,
        nodes=options.nodes,
        usual_ports=options.usual_ports,
        start_timeout=options.start_timeout,
    )
    launched = await launch_servers(supervisor, directory, wanted, ports)
    # After the servers: the launcher does nothing else while it imports.
    modules = [*dict.fromkeys(spec.entry.partition(":")[0] for spec in options.services)]
    importing = asyncio.create_task(supervisor.launcher.import_once(modules))
    try:
        servers = await launched.ready()
        if options.provision is not None:
            await options.provision(servers)
        await importing
    finally:
        importing.cancel()
    envs: dict[str, dict[str, str]] = {}
    chosen = {
        instance.name: ports.choose((instance.spec.health_port if instance.number == 1 else 0,))
        for instance in instances
    }
    addresses = _addresses(instances, chosen)
    for instance in instances:
        port = chosen[instance.name]
        env = envs[instance.name] = addresses | _env(instance, port, servers, directory)
        order = Fork(instance.name, instance.spec.entry, {**os.environ, **env}, str(directory.log(instance.name)))
        supervisor.begin(Plan(order, port, http_ready(port)))
    await all_or_first_problem(supervisor.process(name).wait_ready(options.start_timeout) for name in envs)
    return Stack(supervisor, servers, envs)


def _addresses(instances: Sequence[Instance], ports: Mapping[str, int]) -> dict[str, str]:
    """`HALLMARK_<SERVICE>_URLS`: where all instances of each service answer HTTP, separated by commas."""
    found: dict[str, list[str]] = {}
    for instance in instances:
        found.setdefault(instance.spec.name, []).append(f"http://{LOOPBACK}:{ports[instance.name]}")
    return {f"HALLMARK_{name.upper()}_URLS": ",".join(urls) for name, urls in found.items()}


def _env(instance: Instance, port: int, servers: Servers, directory: DataDirectory) -> dict[str, str]:
    return {
        **instance.spec.env,
        **servers.env(instance.spec.name),
        "HALLMARK_SERVICE": instance.spec.name,
        "HALLMARK_INSTANCE": f"{instance.spec.name}-{instance.number}",
        "HALLMARK_HTTP_PORT": str(port),
        "HALLMARK_DATA_DIR": str(directory.root),
    }


async def _keep_state(directory: DataDirectory, stack: Stack) -> None:
    started_at = utc_now().isoformat()
    ports = {**stack.servers.ports, **{status.name: status.port for status in stack.statuses()}}
    noted: dict[str, int] | None = None
    while True:
        if (pids := stack.pids) != noted:
            noted = pids
            save_state(directory, StackState(os.getpid(), started_at, pids, ports, stack.urls))
        await asyncio.sleep(_STATE_SECONDS)
