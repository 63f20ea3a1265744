"""Asking a process whether it is ready. A probe answers no for every failure and never raises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from deploy.local.ports import LOOPBACK

Probe = Callable[[], Awaitable[bool]]

_PROBE_SECONDS = 2.0
_MOST_BYTES = 4096


def http_ready(port: int) -> Probe:
    """Whether `GET /ready` on the loopback port is answered with status 200."""

    async def probe() -> bool:
        request = b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        status_line = (await _exchange(port, request)).split(b"\r\n", 1)[0].split()
        return len(status_line) >= 2 and status_line[0].startswith(b"HTTP/1.") and status_line[1] == b"200"  # noqa: PLR2004 - version and status

    return probe


def nats_ready(port: int) -> Probe:
    """Whether a NATS server with JetStream greets on the loopback port."""

    async def probe() -> bool:
        greeting = await _exchange(port, b"")
        return greeting.startswith(b"INFO ") and b'"jetstream":true' in greeting

    return probe


def listening(port: int) -> Probe:
    """Whether anything accepts connections on the loopback port."""

    async def probe() -> bool:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            return False
        await _close(writer)
        return True

    return probe


async def _exchange(port: int, request: bytes) -> bytes:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(request)
                return await reader.read(_MOST_BYTES)
            finally:
                await _close(writer)
    except OSError:  # TimeoutError is one
        return b""


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return
