"""Keeping processes running: readiness, restarts, and stopping in order.

Rules
- A process that ends without being asked to is started again, whatever its exit code was: after 0.2 s the first time,
  doubling up to 10 s, and from the beginning again once it had been up for 10 s.
- Ready means that its probe says so and that this very process listens on its port. It is asked again every 2 s; a
  process that stops answering shows as not ready but is left alone: restarting what is merely busy makes it worse.
- Stopping is SIGTERM, then SIGKILL after 25 s. Exit by SIGTERM counts as a clean end.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from enum import StrEnum

from deploy.local.launching import Child, LauncherClient
from deploy.local.listening import listens
from deploy.local.orders import Exec, Fork
from deploy.local.readiness import Probe
from shared.errors import NotFound, Transient

_log = logging.getLogger(__name__)

STOP_SECONDS = 25.0
_FIRST_DELAY, _LONGEST_DELAY = 0.2, 10.0
_LONG_ENOUGH_UP = 10.0
_READY_INTERVAL = 2.0
_FIRST_INTERVAL, _LONGEST_INTERVAL, _INTERVAL_GROWTH = 0.01, 0.25, 1.25
_HOPELESS_STARTS = 4


class State(StrEnum):
    """Where a process stands."""

    STARTING = "starting"
    READY = "ready"
    UNREADY = "not ready"
    WAITING = "waiting to restart"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Plan:
    """How to start one process, and how to know that it is ready."""

    order: Fork | Exec
    port: int
    probe: Probe

    @property
    def name(self) -> str:
        """The name of the process."""
        return self.order.name


@dataclass(frozen=True, slots=True)
class Status:
    """One process at one moment. `pid` is 0 while it is not running, `uptime` is in seconds."""

    name: str
    state: State
    pid: int
    port: int
    restarts: int
    uptime: float
    exit_code: int | None


def restart_delay(failures: int) -> float:
    """Seconds to wait before the start that follows `failures` quick ends in a row (at least one)."""
    return min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(failures - 1, 10))


def ended_cleanly(code: int | None) -> bool:
    """Whether a process that was asked to stop did so."""
    return code in (0, -int(signal.SIGTERM))


class Supervised:
    """One process that is kept running from `begin` to `stop`."""

    def __init__(self, plan: Plan, launcher: LauncherClient) -> None:
        self.plan = plan
        self._launcher = launcher
        self._child: Child | None = None
        self._state = State.STARTING
        self._restarts = 0
        self._started_at = time.monotonic()
        self._exit_code: int | None = None
        self._been_ready = False
        self._ready = asyncio.Event()
        self._hopeless = asyncio.Event()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start it, and keep it running."""
        self._task = asyncio.create_task(self._keep_running())

    async def wait_ready(self, seconds: float) -> None:
        """Wait until it is ready. Raises `Transient` when it does not become so, or keeps ending before it does."""
        waits = [asyncio.create_task(event.wait()) for event in (self._ready, self._hopeless)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not self._ready.is_set():
            name, log = self.plan.name, self.plan.order.log
            what = f"ended with code {self._exit_code}" if self._exit_code is not None else f"took over {seconds:.0f} s"
            raise Transient("process_not_ready", f"{name} did not become ready: it {what}.", remedy=f"See {log}.")

    async def send_signal(self, number: signal.Signals) -> None:
        """Signal the process; after SIGKILL, return when it is gone."""
        if self._child is None:
            return
        self._launcher.send_signal(self.plan.name, number)
        if number is signal.SIGKILL:
            await asyncio.wait({self._child.exit})

    async def stop(self) -> None:
        """Ask it to end, and end it after 25 s."""
        self._stop.set()
        if self._task is None:
            return
        was_running = self._child is not None
        if was_running:
            self._state = State.STOPPING
        self._launcher.send_signal(self.plan.name, signal.SIGTERM)
        _, late = await asyncio.wait({self._task}, timeout=STOP_SECONDS)
        if late:
            self._launcher.send_signal(self.plan.name, signal.SIGKILL)
            await asyncio.wait({self._task})
        if was_running and not ended_cleanly(self._exit_code):
            _log.warning("%s ended with code %s; see %s", self.plan.name, self._exit_code, self.plan.order.log)

    def status(self) -> Status:
        """How it stands now."""
        pid = self._child.pid if self._child else 0
        uptime = time.monotonic() - self._started_at if pid else 0.0
        return Status(self.plan.name, self._state, pid, self.plan.port, self._restarts, uptime, self._exit_code)

    async def _keep_running(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._state = State.STARTING
            await self._run_once()
            if self._stop.is_set() or self._launcher.gone.done():
                break
            quick = time.monotonic() - self._started_at < _LONG_ENOUGH_UP
            failures = failures + 1 if quick else 1
            if failures >= _HOPELESS_STARTS and not self._been_ready:
                self._hopeless.set()
            self._restarts += 1
            self._state = State.WAITING
            await _wait_for(self._stop, restart_delay(failures))
        self._state = State.STOPPED

    async def _run_once(self) -> None:
        self._started_at = time.monotonic()
        try:
            child = await self._launcher.launch(self.plan.order)
        except Transient:
            return
        child.exit.add_done_callback(lambda _: self._ready.clear())
        self._child = child
        if self._stop.is_set():  # asked while it was being started
            self._launcher.send_signal(self.plan.name, signal.SIGTERM)
        await self._watch(child)
        self._exit_code = await child.exit
        self._child = None

    async def _watch(self, child: Child) -> None:
        interval = _FIRST_INTERVAL
        while not child.exit.done():
            ready = await self.plan.probe() and listens(child.pid, self.plan.port)
            if child.exit.done() or self._stop.is_set():
                break
            if ready:
                self._state = State.READY
                self._been_ready = True
                self._ready.set()
            elif self._ready.is_set():
                self._state = State.UNREADY
                self._ready.clear()
            interval = _READY_INTERVAL if ready else min(_LONGEST_INTERVAL, interval * _INTERVAL_GROWTH)
            await asyncio.wait({child.exit}, timeout=interval)
        await asyncio.wait({child.exit})


async def all_or_first_problem(waits: Iterable[Coroutine[None, None, None]]) -> None:
    """Await all at the same time; on the first problem, end the others and raise it."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


class Supervisor:
    """All processes of one stack, in the order they were started."""

    def __init__(self, launcher: LauncherClient) -> None:
        self.launcher = launcher
        self._processes: dict[str, Supervised] = {}

    def begin(self, plan: Plan) -> Supervised:
        """Start one more process and keep it running."""
        process = self._processes[plan.name] = Supervised(plan, self.launcher)
        process.begin()
        return process

    def process(self, name: str) -> Supervised:
        """The process of that name. Raises `NotFound`."""
        if name not in self._processes:
            raise NotFound(
                "process_unknown", f"No process is named {name}.", remedy=f"Known: {', '.join(self._processes)}."
            )
        return self._processes[name]

    def statuses(self) -> tuple[Status, ...]:
        """How every process stands now."""
        return tuple(process.status() for process in self._processes.values())

    def begin_again(self, name: str) -> None:
        """Start a process that was stopped, and keep it running. Raises `NotFound`."""
        self.begin(self.process(name).plan)

    async def stop_everything(self, last: Callable[[str], bool]) -> None:
        """Stop every process in reverse order of start: all at once, but those that are `last` after the others."""
        for group in (False, True):
            stopping = [p for name, p in self._processes.items() if last(name) is group]
            await asyncio.gather(*(process.stop() for process in reversed(stopping)))
