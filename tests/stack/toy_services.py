"""Tiny services for the tests of the local stack: they answer /ready and end on SIGTERM, or misbehave on purpose."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path


def serve(env: dict[str, str]) -> None:
    """Answer every request with 200 and the service's environment, until SIGTERM."""
    asyncio.run(_serve(env))


def fail(env: dict[str, str]) -> None:
    """End at once, as a service with a bug in its start would."""
    raise SystemExit(f"{env['HALLMARK_SERVICE']} cannot start")


def be_deaf(env: dict[str, str]) -> None:
    """Serve, but ignore SIGTERM."""
    Path(env["HALLMARK_DATA_DIR"], "deaf").touch()
    asyncio.run(_serve(env, deaf=True))


async def _serve(env: dict[str, str], *, deaf: bool = False) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, (lambda: None) if deaf else stop.set)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"given": env, "same": dict(os.environ) == env, "pid": os.getpid()}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", int(env["HALLMARK_HTTP_PORT"])):
        await stop.wait()
