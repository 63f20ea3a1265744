"""A network that can be made bad: a TCP proxy between a service and a server, in the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Watch = Callable[[bytes], bool]


@dataclass
class Proxy:
    """Passes bytes on, unless it is told otherwise."""

    target: int
    port: int = 0
    delay: float = 0.0
    """Seconds by which each piece is late, in both directions."""
    to_server: bool = True
    """Whether what the service sends arrives; when not, it is held back as if on its way."""
    to_service: bool = True
    lose_reply_to: Watch | None = None
    """What it says yes to is passed on, and then the connection breaks before the reply: once."""
    lost_replies: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self, *, to_server: bool = True, to_service: bool = True) -> None:
        """Hold back what goes in these directions."""
        self.to_server, self.to_service = not to_server, not to_service

    def heal(self) -> None:
        """Let everything through again. Connections that waited are broken, as their ends have given up on them."""
        self.to_server = self.to_service = True
        self._changed.set()
        self._changed = asyncio.Event()
        self.drop()

    def drop(self) -> None:
        """Break every connection."""
        for writer in list(self._writers):
            writer.close()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, server_writer}
        pumps = [
            asyncio.create_task(self._pump(reader, server_writer, outward=True)),
            asyncio.create_task(self._pump(server_reader, writer, outward=False)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for one in (writer, server_writer):
                one.close()
                self._writers.discard(one)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, outward: bool) -> None:
        with suppress(ConnectionError, OSError):
            while data := await reader.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                while not (self.to_server if outward else self.to_service):
                    await self._changed.wait()
                writer.write(data)
                await writer.drain()
                if outward and self.lose_reply_to and self.lose_reply_to(data):
                    self.lose_reply_to = None
                    self.lost_replies += 1
                    await asyncio.sleep(0.1)  # It has arrived there; nobody hears the answer.
                    return


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the server of that URL, and the URL by way of it."""
    port = urlsplit(url).port or 0
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    # A replica set would give its own address away, and be connected to directly.
    through = url.replace(f":{port}", f":{proxy.port}").replace("replicaSet=hallmark", "directConnection=true")
    try:
        yield proxy, through
    finally:
        server.close()
        proxy.drop()
