"""Asking a source for its newest edition: the one room here that connects anywhere.

- https only, certificates checked, no proxy from the environment. Every address of a host must be one that may be
  connected to, and the connection goes to the very address that was checked. That holds for each of at most three
  redirects, too.
- An attempt has a time limit, a source a size limit, counted as it arrives; nothing is unpacked on the way.
- What breaks off is kept, and the next attempt asks for the rest (Range, If-Range). An answer with another edition, or
  with another part than was asked for, starts anew.

Source: RFC 9110, sections 13 (conditions), 14 (ranges), 15.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx

from contracts.vocabulary import Digest
from services.monitoring.feeds.schedule import wished_seconds
from services.monitoring.feeds.source import is_sound
from services.monitoring.feeds.spool import Edition, Spool
from shared.oidc.addresses import Network, may_connect

_MOST_REDIRECTS = 3
_REDIRECTS = {301, 302, 303, 307, 308}
_PART = re.compile(r"^bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)$")
_KEPT_AT_ONCE = 2**20
_LONGEST_HEADER = 500


class FetchFailed(Exception):
    """Why an attempt brought nothing, in words that hold nothing of the URL."""

    def __init__(self, problem: str, wish: float | None = None, *, discard: bool = False) -> None:
        super().__init__(problem)
        self.wish = wish
        """Seconds for which the publisher wishes to be left alone."""
        self.discard = discard
        """What has arrived is of no use."""


@dataclass(frozen=True, slots=True)
class Whole:
    """An edition has arrived."""

    edition: Edition
    digest: Digest


@dataclass
class Fetcher:
    """Fetches sources."""

    allowed: Sequence[Network]
    ca_file: Path | None
    seconds: float
    most_bytes: int
    _tls: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self._tls = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)

    async def fetch(self, url: str, spool: Spool, known: Edition, now: datetime) -> Whole | None:
        """The newest edition, in `spool`; None when it is `known`. Raises `FetchFailed`, `OSError` for a full disk."""
        try:
            async with asyncio.timeout(self.seconds):
                return await self._fetch(url, spool, known, now)
        except FetchFailed as error:
            if error.discard:
                await asyncio.to_thread(spool.clear)
            raise
        except TimeoutError as error:
            raise FetchFailed(f"It was not all there within {self.seconds:g} s.") from error
        except httpx.HTTPError as error:
            raise FetchFailed(_words(error)) from error

    async def _fetch(self, url: str, spool: Spool, known: Edition, now: datetime) -> Whole | None:
        arrived, begun = await asyncio.to_thread(spool.begun)
        conditions = known.conditions
        if arrived:
            conditions = {"range": f"bytes={arrived}-", "if-range": begun.if_range}
        for _ in range(_MOST_REDIRECTS + 1):
            target = httpx.URL(url)
            headers = {
                "host": target.netloc.decode(),
                "accept": "*/*",
                "accept-encoding": "identity",
                "user-agent": "hallmark-advisories/1",
                **conditions,
            }
            async with self._asked(target, headers) as answer:
                if answer.status_code not in _REDIRECTS:
                    return await self._taken(answer, spool, arrived, known, now)
                url = str(target.join(answer.headers.get("location", "")))
                if not is_sound(url):
                    raise FetchFailed("It redirects to something that is no plain https URL.")
        raise FetchFailed(f"It redirects more than {_MOST_REDIRECTS} times.")

    @asynccontextmanager
    async def _asked(self, target: httpx.URL, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        addresses = await self._addresses(target)
        async with httpx.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=False, timeout=30.0) as http:
            for left, address in zip(range(len(addresses) - 1, -1, -1), addresses, strict=True):
                request = http.build_request(
                    "GET",
                    target.copy_with(host=address),
                    headers=headers,
                    extensions={"sni_hostname": target.host},
                )
                try:
                    answer = await http.send(request, stream=True)
                except httpx.ConnectError:
                    if not left:
                        raise
                    continue
                try:
                    yield answer
                finally:
                    await answer.aclose()
                return

    async def _addresses(self, target: httpx.URL) -> list[str]:
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(target.host, target.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchFailed("Its host is unknown.") from error
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if not addresses or not all(may_connect(one, self.allowed) for one in addresses):
            raise FetchFailed("Its host has an address that is not public and not in an allowed network.")
        return addresses

    async def _taken(
        self, answer: httpx.Response, spool: Spool, arrived: int, known: Edition, now: datetime
    ) -> Whole | None:
        status = answer.status_code
        if status == httpx.codes.NOT_MODIFIED and known.conditions and not arrived:
            return None
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise FetchFailed("It has no more of what has arrived.", discard=True)
        if status not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise FetchFailed(
                f"It answers with status {status}.", wished_seconds(answer.headers.get("retry-after"), now)
            )
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise FetchFailed("It packs its answer, which was not asked for.")
        edition = Edition(_header(answer, "etag"), _header(answer, "last-modified"))
        total = self._place(answer, arrived) if status == httpx.codes.PARTIAL_CONTENT else None
        if total is None:
            arrived, total = 0, _length(answer)
            self._within(total or 0)
            await asyncio.to_thread(spool.begin, edition)
        await self._keep(answer, spool, arrived, total)
        digest = await asyncio.to_thread(spool.complete)
        return Whole(edition, digest)

    def _place(self, answer: httpx.Response, arrived: int) -> int:
        """How large the whole is, of which this is the rest."""
        found = _PART.match(answer.headers.get("content-range", ""))
        if not arrived or found is None or int(found[1]) != arrived or found[3] == "*":
            raise FetchFailed("It answers with another part than was asked for.", discard=True)
        total = int(found[3])
        if int(found[2]) != total - 1:
            raise FetchFailed("It answers with another part than was asked for.", discard=True)
        self._within(total)
        return total

    async def _keep(self, answer: httpx.Response, spool: Spool, arrived: int, total: int | None) -> None:
        waiting = bytearray()
        try:
            async for part in answer.aiter_raw():
                waiting += part
                self._within(arrived + len(waiting))
                if len(waiting) >= _KEPT_AT_ONCE:
                    await asyncio.to_thread(spool.append, bytes(waiting))
                    arrived, waiting = arrived + len(waiting), bytearray()
        finally:
            # Also what came before it broke off: the next attempt asks for the rest only.
            spool.append(bytes(waiting))
        if total is not None and arrived + len(waiting) != total:
            raise FetchFailed("It sends another number of bytes than it says.", discard=True)

    def _within(self, size: int) -> None:
        if size > self.most_bytes:
            raise FetchFailed(f"It has more than {self.most_bytes} bytes.", discard=True)


def _length(answer: httpx.Response) -> int | None:
    text = answer.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None  # noqa: PLR2004 - digits


def _header(answer: httpx.Response, name: str) -> str:
    value = str(answer.headers.get(name, ""))
    return value if len(value) <= _LONGEST_HEADER and value.isascii() and value.isprintable() else ""


def _words(error: httpx.HTTPError) -> str:
    if isinstance(error.__cause__ or error.__context__, ssl.SSLError) or "CERTIFICATE" in str(error).upper():
        return "Its certificate is not believed."
    return f"The connection failed or broke off ({type(error).__name__})."
