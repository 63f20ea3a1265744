"""A running gateway to knock at, and reading its live stream."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from contracts.vocabulary import Role
from services.gateway.app import Server, create_app
from services.gateway.settings import GatewaySettings
from tests.support.eventually import eventually
from tests.support.system import System

ADMIN = "bootstrap-secret-of-this-test"
NO_REUSE = httpx.Limits(max_keepalive_connections=0)
"""On a busy machine the server closes an idle connection just when the next request takes it."""


@contextlib.asynccontextmanager
async def serving(
    app: Any, listening: socket.socket | None = None, **options: Any
) -> AsyncIterator[tuple[str, uvicorn.Server]]:
    """The application on a port of its own, until the end of the block; stops as on SIGTERM."""
    listening = listening or socket.create_server(("127.0.0.1", 0))
    server = Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=5, **options))
    task = asyncio.create_task(server.serve([listening]))

    async def started() -> bool:
        return server.started or task.done()

    await eventually(started)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", server
    finally:
        server.should_exit = True
        await task


@dataclass
class Door:
    """A running gateway."""

    url: str
    app: FastAPI
    server: uvicorn.Server
    http: httpx.AsyncClient

    async def ask(self, method: str, path: str, *, token: str | None = ADMIN, **options: Any) -> httpx.Response:
        headers = {**({"authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **options)

    async def token(self, subject: str, grants: dict[str, list[Role]]) -> dict[str, Any]:
        answer = await self.ask("POST", "/tokens", json={"subject": subject, "kind": "human", "grants": grants})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def hallmark(self, *words: str, ends: int = 0) -> str:
        """What the command line says of this gateway on standard output, in a process of its own."""
        env = {**os.environ, "HALLMARK_URL": self.url, "HALLMARK_TOKEN": ADMIN}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.cli.main", *words),
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await process.communicate()
        assert process.returncode == ends, (words, said, complained)
        return said.decode()


@contextlib.asynccontextmanager
async def a_door(system: System, listening: socket.socket | None = None, **more: Any) -> AsyncIterator[Door]:
    known = system.settings("gateway").model_dump()
    settings = GatewaySettings.model_validate({**known, "admin_token": ADMIN, "ask_deadline": 5.0, **more})
    app = create_app(settings)
    async with (
        serving(app, listening) as (url, server),
        httpx.AsyncClient(base_url=url, timeout=60, limits=NO_REUSE) as http,
    ):
        yield Door(url, app, server, http)


async def frames(lines: AsyncIterator[str], count: int) -> list[dict[str, Any]]:
    """The next events of a stream; comments are passed over."""
    found: list[dict[str, Any]] = []
    current: dict[str, Any] = {}
    async with asyncio.timeout(60):
        async for line in lines:
            if not line and current:
                found.append({**current, "data": json.loads(current["data"])})
                current = {}
                if len(found) == count:
                    return found
            elif line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                current[name] = value
    return found
