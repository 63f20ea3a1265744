"""Runs one service process: connects, hears, relays, answers for its health, and stops without dropping anything.

Stopping, on SIGTERM: not ready any more, no new messages, those at hand finish, the outbox is published, leases are
given back, connections close. A `kill -9` at any of these points must be as safe.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import uvicorn
from faststream.nats import NatsBroker
from nats.aio.client import Client
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from contracts.message import Command, Query, Tell
from contracts.vocabulary import Actor, ActorKind
from shared.clock import Clock, utc_now
from shared.errors import Rejection, Transient
from shared.health import health_routes
from shared.identity import Caller, Issuers, Speaker, load_identity_key
from shared.logs import configure_logs, log
from shared.messaging import dead_letters, inbox, outbox, reconciling
from shared.messaging.asking import Asker
from shared.messaging.binding import bind, dispatch_with
from shared.messaging.broker import make_broker
from shared.messaging.dead_letters import undertaker
from shared.messaging.dispatcher import Dispatcher
from shared.messaging.handlers import Handlers
from shared.messaging.middleware import outcome_middleware
from shared.messaging.outcomes import Retries
from shared.messaging.reconciling import Reconciler
from shared.messaging.relay import Relay
from shared.messaging.settling import hear_about_dead_letters
from shared.messaging.watchdog import Watchdog
from shared.mongo import Database, Index, connect, keep_sharing_server_time, share_server_time
from shared.settings import ServiceSettings, read_settings
from shared.tracing import tracing_middlewares

W = TypeVar("W")
TECHNICAL_INDEXES = {
    inbox.COLLECTION: inbox.INDEXES,
    outbox.COLLECTION: outbox.INDEXES,
    reconciling.COLLECTION: (),
    "leases": (),
    dead_letters.COLLECTION: dead_letters.INDEXES,
}
_FLUSH_SECONDS = 5.0


@dataclass(frozen=True)
class Service(Generic[W]):
    """What makes one service different from another."""

    name: str
    handlers: Handlers[W]
    indexes: dict[str, tuple[Index, ...]]
    duties: tuple[Callable[[Running[W]], Awaitable[None]], ...] = ()
    """Coroutines that run as long as the service does, such as a sweep; restarted when they fail."""
    routes: Callable[[Running[W]], list[BaseRoute]] | None = None
    """More HTTP routes beside health."""
    equip: Callable[[Any], Any] | None = None
    """Makes, from the settings, what handlers find as `equipment`."""
    give_back: Callable[[Any], Awaitable[None]] | None = None
    """Ends what the equipment has started, such as processes, once no message is handled any more."""
    before_start: Callable[[Running[W]], Awaitable[None]] | None = None
    """Runs before any message is heard; what it raises keeps the service from starting, but for `Transient`."""
    retries: Retries = field(default_factory=Retries)
    asks: tuple[type[Command | Query], ...] = ()
    """What it asks others: its NATS user may publish these and no more."""
    tells: tuple[type[Tell], ...] = ()
    """What it tells others to do, likewise."""
    inserts_only: frozenset[str] = frozenset()
    """Collections whose documents it never changes: its MongoDB user may not."""
    removes: frozenset[str] = frozenset()
    """Collections that it removes documents from: its MongoDB user may from no other. MongoDB expires them itself."""

    def __post_init__(self) -> None:
        hear_about_dead_letters(self.handlers)


@dataclass
class Running(Generic[W]):
    """A service process at work."""

    service: Service[W]
    settings: ServiceSettings
    database: Database
    broker: NatsBroker
    dispatcher: Dispatcher[W]
    asker: Asker
    relay: Relay
    watchdog: Watchdog
    reconciler: Reconciler
    clock: Clock
    connection: list[Client] = field(default_factory=list)
    stopping: bool = False

    async def problems(self) -> list[str]:
        """What keeps this instance from doing its work, in words; empty when nothing does."""
        found = ["it is stopping"] if self.stopping else []
        if not self.connection or not self.connection[0].is_connected:
            found.append("NATS is not connected")
        try:
            await asyncio.wait_for(self.database.ping(), 2.0)
        except (Transient, TimeoutError):
            found.append("MongoDB does not answer")
        found.extend(f"durable consumer {name} does not exist" for name in sorted(self.watchdog.missing))
        return found


@asynccontextmanager
async def running(service: Service[W], settings: ServiceSettings, clock: Clock = utc_now) -> AsyncIterator[Running[W]]:
    """The service, hearing messages from here to the end of the block."""
    async with connect(
        settings.mongo_url.get_secret_value(), settings.database, application=f"hallmark-{settings.service}"
    ) as database:
        await _patiently(lambda: database.create_indexes({**TECHNICAL_INDEXES, **service.indexes}))
        await _patiently(lambda: _share_time(database))
        run = _assemble(service, settings, database, clock)
        if service.before_start:
            await _allowed_to_start(partial(service.before_start, run))
        run.connection.append(await run.broker.connect())
        await run.watchdog.wait_until_provisioned()
        await _allowed_to_start(run.reconciler.refuse_older_database)
        tasks = [asyncio.create_task(_forever("relay", run.relay.run))]
        await run.broker.start()
        tasks.append(asyncio.create_task(_forever("watchdog", run.watchdog.run)))
        tasks.append(asyncio.create_task(_forever("reconciler", run.reconciler.run)))
        tasks.append(asyncio.create_task(_forever("time", partial(keep_sharing_server_time, database))))
        tasks.extend(asyncio.create_task(_forever(duty.__name__, partial(duty, run))) for duty in service.duties)
        try:
            yield run
        finally:
            await _stop(run, tasks)


def _assemble(service: Service[W], settings: ServiceSettings, database: Database, clock: Clock) -> Running[W]:
    connection: list[Client] = []
    relay = Relay(database, lambda: connection[0], service=service.name, owner=settings.instance, clock=clock)
    bury = undertaker(database, relay, service=service.name, clock=clock)
    broker = make_broker(settings, [*tracing_middlewares(settings), outcome_middleware(bury, service.retries)])
    asker = Asker(broker, source=f"/hallmark/{service.name}", own_token=own_token(settings), clock=clock)
    issuers = Issuers.from_folder(settings.issuers_dir)
    equipment = service.equip(settings) if service.equip else None
    dispatcher = Dispatcher(service.name, service.handlers, database, issuers, asker, relay, clock, equipment)
    dispatch = dispatch_with(dispatcher, clock)
    bind(broker, service.name, service.handlers, dispatch, inbox_prefix=settings.inbox_prefix)
    watchdog = Watchdog(broker, lambda: connection[0])
    reconciler = Reconciler(database, lambda: connection[0], relay, service=service.name, clock=clock)
    return Running(
        service, settings, database, broker, dispatcher, asker, relay, watchdog, reconciler, clock, connection
    )


def own_token(settings: ServiceSettings) -> Callable[[], str]:
    """Makes the tokens with which a service asks for itself. Raises `OSError` when used without an identity key."""
    key = load_identity_key(settings.identity_key) if settings.identity_key else None
    caller = Caller(Actor(subject=settings.service, kind=ActorKind.SERVICE), {})
    speaker = Speaker(key, settings.service) if key else None

    def token() -> str:
        if speaker is None:
            raise OSError("HALLMARK_IDENTITY_KEY is not set: this service cannot prove who it is")
        # Tokens are about the real present, whatever time a test gives the domain.
        return speaker.token(caller, utc_now())

    return token


async def _patiently(attempt: Callable[[], Awaitable[None]]) -> None:
    """MongoDB may come up after its services: keep trying, and say so."""
    while True:
        try:
            return await attempt()
        except Transient as error:
            log.warning("waiting for MongoDB", problem=error.message)
            await asyncio.sleep(0.5)


async def _share_time(database: Database) -> None:
    behind = await share_server_time(database)
    if behind:
        log.warning("this machine's clock is wrong; the database server's counts", seconds_behind=behind)


async def _allowed_to_start(check: Callable[[], Awaitable[None]]) -> None:
    try:
        await _patiently(check)
    except Rejection as error:
        log.critical("service refuses to start", code=error.code, problem=error.message, remedy=error.remedy)
        raise


async def _forever(name: str, duty: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await duty()
        except Exception as error:  # noqa: BLE001 - a duty must outlive whatever goes wrong once
            log.error("duty failed and starts again", duty=name, exc_info=error)
            await asyncio.sleep(1.0)


async def _stop(run: Running[Any], tasks: list[asyncio.Task[None]]) -> None:
    run.stopping = True
    for subscriber in run.broker.subscribers:
        await subscriber.stop()
    with suppress(TimeoutError):
        await asyncio.wait_for(run.relay.idle.wait(), _FLUSH_SECONDS)
    # Until all have ended: Python 3.11's `wait_for` drops a cancellation that arrives together with its result.
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=1.0)
    with suppress(Transient):
        await run.relay.stop()
    await run.broker.stop()
    if run.service.give_back:
        await run.service.give_back(run.dispatcher.equipment)


def calm_collector() -> None:
    """Have Python look for cycles less often, and never among what there is now: it stays as long as the process.

    Messages make so many short-lived objects that Python's own pace of looking costs a fifth of the processor's time.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def serve(service: Service[Any], settings: ServiceSettings) -> None:
    """Run the service until SIGTERM or SIGINT: what a container and a child of the local stack execute."""
    configure_logs(service=service.name, instance=settings.instance, level=settings.log_level, form=settings.log_format)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with running(service, settings) as run:
            app.router.routes.extend(health_routes(run.problems))
            app.router.routes.extend(service.routes(run) if service.routes else [])
            log.info("service is up")
            yield
            log.info("service stops")

    calm_collector()
    uvicorn.run(
        Starlette(lifespan=lifespan),
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )


def serve_environment(
    service: Service[Any], env: Mapping[str, str], settings: type[ServiceSettings] = ServiceSettings
) -> None:
    """Run the service as the `HALLMARK_*` variables in `env` say. Raises `ValidationError` for wrong ones."""
    os.environ.update({name: value for name, value in env.items() if name.startswith("HALLMARK_")})
    serve(service, read_settings(settings, service=service.name))
