"""A receiver of webhooks over real HTTP, which behaves as badly as it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

HANG, DRIP, DROP, FLOOD, HOLD = "hang", "drip", "drop", "flood", "hold"
"""Never answers; answers a byte at a time, for ever; hangs up; answers without end; waits until it is released."""


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came, and how the next requests are answered: with a status, or badly."""

    url: str = ""
    port: int = 0
    planned: list[int | str] = field(default_factory=list)
    usually: int | str = 204
    headers: str = ""
    """More lines for the head of every answer."""
    received: list[Received] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)
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
            self.received.append(Received(first.split(" ")[1], headers, body))
            await self._answer(reader, writer, self.planned.pop(0) if self.planned else self.usually)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self.open -= 1
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behaviour: int | str) -> None:
        match behaviour:
            case int():
                writer.write(f"HTTP/1.1 {behaviour} x\r\n{self.headers}content-length: 0\r\n\r\n".encode())
            case "hold":
                await self.released.wait()
                await self._answer(reader, writer, 204)
            case "hang":
                # Until the other side hangs up.
                await reader.read()
            case "drip":
                for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 1_000_000:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case "flood":
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                while True:
                    writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                    await writer.drain()
            case _:
                writer.transport.abort()
        await writer.drain()


@contextlib.asynccontextmanager
async def a_receiver(
    *planned: int | str, usually: int | str = 204, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver(planned=list(planned), usually=usually)
    server = await asyncio.start_server(receiver.begin, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{receiver.port}/hook"
    try:
        yield receiver
    finally:
        server.close()
        for task in list(receiver.tasks):
            task.cancel()
        await asyncio.gather(*receiver.tasks, return_exceptions=True)
