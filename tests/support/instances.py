"""Instances of services inside one event loop that die without ceremony, and come back at once.

- Everything that an instance starts belongs to it: a task factory notes whose task creates which.
- Death cuts its connection to NATS, so that nothing is handed back any more, and cancels all of its tasks where they
  are. What is only for orderly ends (flushing, giving leases back) is skipped.
- Only MongoDB learns of the death: the driver ends the transaction that was open. A real death leaves it to MongoDB,
  which `tests/faults/test_crash_points.py` sees.
"""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from shared import service as service_module
from shared.messaging import dispatcher as dispatching
from shared.messaging.dispatcher import Dispatcher
from shared.messaging.relay import Relay
from shared.mongo import Lease
from shared.service import Running, Service, running
from shared.settings import ServiceSettings
from tests.faults import dying_services
from tests.support.clock import FrozenClock

T = TypeVar("T")
_READY_WITHIN = 60.0
_QUERIES = ("-list", "-show")
"""Steps at which a death would show nothing."""
_PAUSE_AFTER_TROUBLE = 0.2


@dataclass(eq=False)
class Life:
    """One instance from its start to its end."""

    name: str
    tasks: weakref.WeakSet[asyncio.Task[Any]] = field(default_factory=weakref.WeakSet)
    run: Running[Any] | None = None
    dead: bool = False

    def die(self) -> None:
        """Cut it off and cancel whatever it does, wherever it is."""
        self.dead = True
        for client in self.run.connection if self.run else ():
            with suppress(AttributeError):  # It may be connecting.
                client._transport._io_writer.transport.abort()  # type: ignore[union-attr]
        for task in list(self.tasks):
            task.cancel()


_life: contextvars.ContextVar[Life | None] = contextvars.ContextVar("life", default=None)


def _task_of_a_life(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T], **more: Any
) -> asyncio.Task[T]:
    task = asyncio.Task(coroutine, loop=loop, **more)
    life = _life.get()
    if life is not None:
        life.tasks.add(task)
    return task


@dataclass
class Instance:
    """One name under which an instance lives, again and again."""

    service: Service[Any]
    settings: ServiceSettings
    clock: FrozenClock
    life: Life | None = None
    lives: int = 0
    up: asyncio.Event = field(default_factory=asyncio.Event)
    troubles: list[BaseException | None] = field(default_factory=list)
    """What ended lives that nobody had ended."""
    _keeper: asyncio.Task[None] | None = None

    def perform(self, duty: Callable[[Running[Any]], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Have the life that is up do something: a task that dies with it."""
        life = self.life
        assert life is not None
        assert life.run is not None
        context = contextvars.copy_context()
        context.run(_life.set, life)
        doing = asyncio.get_running_loop().create_task(duty(life.run), context=context)
        life.tasks.add(doing)  # The factory runs in the context of whoever creates a task: here in ours.
        return doing

    def begin(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def end(self) -> None:
        """End it in order."""
        assert self._keeper is not None
        self._keeper.cancel()
        await asyncio.wait({self._keeper})

    async def ready(self) -> None:
        """Wait until it is up."""
        try:
            await asyncio.wait_for(self.up.wait(), _READY_WITHIN)
        except TimeoutError:
            raise AssertionError(f"{self.settings.instance} did not come up: {self.troubles[-3:]}") from None

    async def _keep(self) -> None:
        while True:
            self.life = life = Life(self.settings.instance)
            self.lives += 1
            context = contextvars.copy_context()
            context.run(_life.set, life)
            living = asyncio.get_running_loop().create_task(self._live(life), context=context)
            life.tasks.add(living)  # As in `perform`.
            try:
                await asyncio.wait({living})
            except asyncio.CancelledError:
                living.cancel()
                await asyncio.wait({living})
                raise
            finally:
                self.up.clear()
            if not life.dead:  # It ended by itself, as when it could not start.
                self.troubles.append(living.exception())
                await asyncio.sleep(_PAUSE_AFTER_TROUBLE)

    async def _live(self, life: Life) -> None:
        async with running(self.service, self.settings, self.clock) as life.run:
            self.up.set()
            await asyncio.Event().wait()


class Deaths:
    """Who dies where: the next time that an instance of a service passes so many moments, it is dead."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        self.died: Counter[str] = Counter()

    def arm(self, service: str, moments: int) -> None:
        self.left[service] = moments

    def pass_by(self, moment: str, step: str = "") -> None:
        life = _life.get()
        if life is None or life.dead or life.run is None or life.run.service.name not in self.left:
            return
        steps = (step,) if step else dying_services._steps.get()
        if all(one.endswith(_QUERIES) for one in steps):
            return
        service = life.run.service.name
        self.left[service] -= 1
        if self.left[service] <= 0:
            del self.left[service]
            self.died[f"{service} {steps[0]} {moment}"] += 1
            life.die()
            raise asyncio.CancelledError


def make_mortal(patch: pytest.MonkeyPatch, deaths: Deaths) -> None:
    """Have the services of this process die as `deaths` says, until the patch is undone."""
    asyncio.get_running_loop().set_task_factory(_task_of_a_life)
    dispatching_parts = ((Dispatcher, "dispatch"), (Dispatcher, "perform_together"), (dispatching, "in_transaction"))
    for owner, name in (*dispatching_parts, (Relay, "_mark")):
        patch.setattr(owner, name, getattr(owner, name))  # So that what is wrapped now is undone in the end.
    dying_services._wrap_dispatch(deaths)
    dying_services._wrap_groups()
    dying_services._wrap_transactions(deaths)
    dying_services._wrap_relay(deaths)
    patch.setattr(Lease, "release", _unless_dead(Lease.release))
    stop = service_module._stop

    async def end(run: Running[Any], tasks: list[asyncio.Task[None]]) -> None:
        life = _life.get()
        if life is None or not life.dead:
            await stop(run, tasks)
            return
        # Until all have ended: Python 3.11's `wait_for` drops a cancellation that arrives together with its result.
        while left := [task for task in {*tasks, *life.tasks} - {asyncio.current_task()} if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0.2)
        for client in run.connection:
            with suppress(Exception):
                await asyncio.wait_for(client.close(), 1.0)

    patch.setattr(service_module, "_stop", end)


def _unless_dead(release: Callable[[Lease], Awaitable[None]]) -> Callable[[Lease], Awaitable[None]]:
    async def released(self: Lease) -> None:
        life = _life.get()
        if life is None or not life.dead:
            await release(self)

    return released
