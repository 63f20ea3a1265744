"""A publisher of advisories over real HTTP with TLS, which behaves as badly as it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import ssl
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from tests.support.oidc import a_certificate
from tests.support.raw_server import RawServer, Received, listening

HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
CUT, DRIP, FLOOD, HANG, OTHER_PART, PACKED = "cut", "drip", "flood", "hang", "other part", "packed"
"""Breaks off after half of what is left; sends a byte at a time; sends without end; never answers; answers with another
part than was asked for; answers packed."""


@dataclass
class Publisher:
    """What it holds, how it answers next, and what it was asked."""

    content: bytes = b""
    etag: str = '"one"'
    planned: list[int | str | tuple[int, str]] = field(default_factory=list)
    """Statuses, ways to behave badly, or a status with more header lines."""
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    certificate: Path = Path()

    async def answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(request.headers)
        await self._answer(reader, writer, request.headers, self.planned.pop(0) if self.planned else 200)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: dict[str, str], behaviour: Any
    ) -> None:
        if isinstance(behaviour, tuple):
            writer.write(f"HTTP/1.1 {behaviour[0]} x\r\n{behaviour[1]}\r\ncontent-length: 0\r\n\r\n".encode())
            return
        if behaviour == HANG:
            await reader.read()
            return
        if isinstance(behaviour, int) and behaviour != 200:
            writer.write(f"HTTP/1.1 {behaviour} x\r\ncontent-length: 0\r\n\r\n".encode())
            return
        if headers.get("if-none-match") == self.etag:
            writer.write(b"HTTP/1.1 304 Not Modified\r\n\r\n")
            return
        first = 0
        if "range" in headers and headers.get("if-range") == self.etag:
            first = int(headers["range"].removeprefix("bytes=").removesuffix("-"))
        if behaviour == OTHER_PART:
            first -= 1
        rest = self.content[max(first, 0) :]
        status = (
            f"206 x\r\ncontent-range: bytes {first}-{len(self.content) - 1}/{len(self.content)}" if first else "200 x"
        )
        packed = "content-encoding: gzip\r\n" if behaviour == PACKED else ""
        length = "transfer-encoding: chunked" if behaviour == FLOOD else f"content-length: {len(rest)}"
        writer.write(f"HTTP/1.1 {status}\r\netag: {self.etag}\r\n{packed}{length}\r\n\r\n".encode())
        await self._send(writer, rest, behaviour)

    async def _send(self, writer: asyncio.StreamWriter, rest: bytes, behaviour: Any) -> None:
        match behaviour:
            case "cut":
                writer.write(rest[: len(rest) // 2])
                await writer.drain()
            case "drip":
                for place in range(len(rest)):
                    writer.write(rest[place : place + 1])
                    await writer.drain()
                    await asyncio.sleep(0.02)
            case "flood":
                while True:
                    writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                    await writer.drain()
            case _:
                writer.write(rest)


@contextlib.asynccontextmanager
async def a_publisher(directory: Path, content: bytes = b"", *planned: Any) -> AsyncIterator[Publisher]:
    """A publisher on a port of its own."""
    certificate = a_certificate(directory)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, directory / "tls.key")
    publisher = Publisher(content, planned=list(planned), certificate=certificate)
    server = RawServer(publisher.answer)
    async with listening(server, tls):
        publisher.url = f"https://localhost:{server.port}/PyPI/all.zip"
        yield publisher


def zipped(*records: dict[str, Any], **more: bytes) -> bytes:
    """An archive of records, and of other entries by name."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in records:
            archive.writestr(f"{one['id']}.json", json.dumps(one))
        for name, content in more.items():
            archive.writestr(f"{name}.json", content)
    return made.getvalue()
