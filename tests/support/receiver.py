"""A receiver of webhooks over real HTTP, which behaves as badly as it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.support.raw_server import RawServer, Received, listening

HANG, DRIP, DROP, FLOOD, HOLD = "hang", "drip", "drop", "flood", "hold"
"""Never answers; answers a byte at a time, for ever; hangs up; answers without end; waits until it is released."""


@dataclass
class Receiver:
    """What came, and how the next requests are answered: with a status, or badly."""

    url: str = ""
    planned: list[int | str] = field(default_factory=list)
    usually: int | str = 204
    headers: str = ""
    """More lines for the head of every answer."""
    received: list[Received] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    server: RawServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = RawServer(self.answer)

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def most_open(self) -> int:
        """The most connections that there ever were at once."""
        return self.server.most_open

    async def answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received.append(request)
        await self._answer(reader, writer, self.planned.pop(0) if self.planned else self.usually)

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


@contextlib.asynccontextmanager
async def a_receiver(
    *planned: int | str, usually: int | str = 204, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver(planned=list(planned), usually=usually)
    async with listening(receiver.server, tls):
        receiver.url = f"http://127.0.0.1:{receiver.port}/hook"
        yield receiver
