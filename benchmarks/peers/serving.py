"""The peers' servers, on loopback, in folders of their own, each stopped by its process id."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from benchmarks.peers.installing import NotHereError, postgres_programs, said, unprivileged
from deploy.local.ports import LOOPBACK, PortChooser

_PATIENCE_SECONDS = 60.0
_MOST = 300
"""Connections."""


@asynccontextmanager
async def process(
    *command: str | Path, output: Path, env: dict[str, str] | None = None, user: str | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child process, until the block ends."""
    as_user: dict[str, Any] = {"user": user} if user else {}
    with output.open("wb") as log:
        child = await asyncio.create_subprocess_exec(*map(str, command), stdout=log, stderr=log, env=env, **as_user)
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            child.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(child.wait(), 20)
        except TimeoutError:
            child.kill()
            await child.wait()


async def until(ready: Callable[[], Awaitable[bool]], what: str) -> None:
    """Return when it is ready. Raises `NotHereError` when it never is."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not await ready():  # noqa: ASYNC110 - another process: no event tells
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise NotHereError(f"{what} did not become ready") from error


@asynccontextmanager
async def postgres(folder: Path) -> AsyncIterator[str]:
    """A PostgreSQL with its default durability (`fsync` and `synchronous_commit` on); yields its URL."""
    programs, user = postgres_programs(), unprivileged()
    port = PortChooser().choose(())
    # A folder of its own, since nobody but the user of the benchmark may look into the others.
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-postgres-") as owned:
        if user:
            shutil.chown(owned, user)
        data = Path(owned) / "data"
        await said(programs / "initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", user=user)
        words = ("-p", str(port), "-k", "", "-c", f"listen_addresses={LOOPBACK}", "-c", f"max_connections={_MOST}")
        async with process(programs / "postgres", "-D", data, *words, output=folder / "postgres.log", user=user):
            await until(lambda: _answers(programs, port), "PostgreSQL")
            await said(programs / "createdb", "-h", LOOPBACK, "-p", str(port), "-U", "bench", "bench")
            yield f"postgresql+psycopg://bench@{LOOPBACK}:{port}/bench"


async def _answers(programs: Path, port: int) -> bool:
    with suppress(NotHereError):
        await said(programs / "pg_isready", "-h", LOOPBACK, "-p", str(port), "-q")
        return True
    return False


@asynccontextmanager
async def restate(program: Path, folder: Path) -> AsyncIterator[tuple[str, str]]:
    """A Restate server with its default durability (its log is synced); yields where it takes calls, and its admin."""
    ports = PortChooser()
    ingress, admin, fabric = (ports.choose(()) for _ in range(3))
    env = {
        **os.environ,
        "RESTATE_BASE_DIR": str(folder),
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_BIND_IP": LOOPBACK,
        "RESTATE_BIND_PORT": str(fabric),
        "RESTATE_ADVERTISED_ADDRESS": f"http://{LOOPBACK}:{fabric}/",
        "RESTATE_INGRESS__BIND_ADDRESS": f"{LOOPBACK}:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"{LOOPBACK}:{admin}",
        "RESTATE_LOG_FILTER": "warn",
        "RESTATE_NODE_NAME": "bench",
    }
    admin_url = f"http://{LOOPBACK}:{admin}"
    async with process(program, "--no-logo", output=folder.parent / "restate.log", env=env):
        async with httpx.AsyncClient(base_url=admin_url) as client:

            async def ready() -> bool:
                with suppress(httpx.HTTPError):
                    return (await client.get("/health")).is_success
                return False

            await until(ready, "the Restate server")
        yield f"http://{LOOPBACK}:{ingress}", admin_url
