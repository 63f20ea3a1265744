"""Composition root: the HTTP application, and the process that serves it."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import uvicorn
from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware import Middleware

from services.gateway.bodies import BodyLimit
from services.gateway.console.app import add_console
from services.gateway.conversation import Conversation
from services.gateway.http import (
    advisories,
    alerts,
    applications,
    attestations,
    badges,
    bundles,
    cdevents,
    dead_letters,
    evidence,
    evidence_batches,
    exploitation,
    freezes,
    log_entries,
    metrics,
    people,
    pipelines,
    policies,
    projects,
    promotions,
    risk,
    sign_in_links,
    sla,
    stream,
    surveys,
    timelines,
    tokens,
    trains,
    verdicts,
    versions,
    waivers,
    webhook_deliveries,
    webhooks,
)
from services.gateway.json_bodies import read_strictly
from services.gateway.openapi import document
from services.gateway.parts import Gateway, connected
from services.gateway.problems import answer_with_problems
from services.gateway.protocol import protocol
from services.gateway.settings import GatewaySettings
from shared.clock import Clock, utc_now
from shared.health import health_routes
from shared.logs import configure_logs, log
from shared.settings import read_settings

API = "/api/v1"
_EVIDENCE = re.compile(rf"^{API}/projects/[^/]+/evidence(/batch)?$")
"""The paths whose bodies may be large; a batch, which is read line by line, larger still."""
_ROUTERS: tuple[APIRouter, ...] = (
    projects.router,
    applications.router,
    cdevents.router,
    versions.router,
    timelines.router,
    attestations.router,
    bundles.router,
    evidence.router,
    evidence_batches.router,
    policies.router,
    verdicts.router,
    waivers.router,
    promotions.router,
    trains.router,
    freezes.router,
    advisories.router,
    exploitation.router,
    risk.router,
    alerts.router,
    sla.router,
    metrics.router,
    log_entries.router,
    dead_letters.router,
    tokens.router,
    sign_in_links.router,
    people.router,
    webhooks.router,
    webhook_deliveries.router,
    pipelines.router,
    stream.router,
    surveys.router,
)


def create_app(settings: GatewaySettings, clock: Clock = utc_now) -> FastAPI:
    """The application; it connects when it starts. While it runs, `app.state.gateway` holds its parts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with connected(settings, clock) as gateway:
            app.state.gateway = gateway
            log.info("gateway is up")
            yield
            log.info("gateway stops")

    def limit_for(path: str) -> int:
        found = _EVIDENCE.match(path)
        if found is None:
            return settings.max_body
        return settings.max_batch_bytes if found[1] else settings.max_evidence_bytes

    app = FastAPI(
        title="Hallmark",
        version=_version(),
        description="Whether a version of an application may move on, why, and whether it is still good.",
        lifespan=lifespan,
        docs_url=None,  # the pages would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Conversation, clock=clock), Middleware(BodyLimit, limit_for=limit_for)],
    )
    answer_with_problems(app)
    for router in _ROUTERS:
        app.include_router(router, prefix=API, dependencies=[Depends(read_strictly)])
    app.include_router(badges.router)

    async def problems() -> list[str]:
        gateway: Gateway = app.state.gateway
        return await gateway.problems()

    app.router.routes.extend(health_routes(problems))
    add_console(app)
    app.openapi = partial(document, app)  # type: ignore[method-assign]
    return app


class Server(uvicorn.Server):
    """Ends the live streams before it waits for open requests: they would never end by themselves."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving; requests at hand finish."""
        app = self.config.app
        if isinstance(app, FastAPI) and hasattr(app.state, "gateway"):
            app.state.gateway.stopping.set()
        await super().shutdown(sockets)


def run(env: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT. Raises `ValidationError` for wrong `HALLMARK_*` variables."""
    os.environ.update({name: value for name, value in env.items() if name.startswith("HALLMARK_")})
    settings = read_settings(GatewaySettings, service="gateway")
    if not isinstance(settings, GatewaySettings):
        raise TypeError("read_settings makes what it is asked for")
    configure_logs(service="gateway", instance=settings.instance, level=settings.log_level, form=settings.log_format)
    server = Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.http_host,
            port=settings.http_port,
            http=protocol(),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=5,
        )
    )
    try:
        server.run()
    except (KeyboardInterrupt, asyncio.CancelledError):
        return
    if not server.started:
        sys.exit(1)


def _version() -> str:
    try:
        return version("hallmark")
    except PackageNotFoundError:
        return "0"
