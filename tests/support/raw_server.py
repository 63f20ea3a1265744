"""A server that reads whole requests over real HTTP, and leaves what it answers, byte by byte, to a test."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RawServer:
    """How it answers, where it listens, and how many connections there are and ever were at once."""

    answer: Callable[[Received, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    port: int = 0
    open: int = 0
    most_open: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            await self.answer(Received(first.split(" ")[1], headers, body), reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self.open -= 1
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def listening(server: RawServer, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """It listens on a port of its own; every connection ends with its answer, and with the block."""
    started = await asyncio.start_server(server.begin, "127.0.0.1", 0, ssl=tls)
    server.port = started.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        started.close()
        for task in list(server.tasks):
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)
