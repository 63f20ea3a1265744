"""Contents too large for messages, in the evidence service's blob store, over its internal HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from itertools import cycle
from typing import Any

import httpx

from contracts.vocabulary import Digest
from services.gateway.problems import STATUSES
from shared.digests import sha256_digest
from shared.errors import Conflict, HallmarkError, NotFound, Rejection, TooLarge, Transient


class Blobs:
    """Uploads and downloads, in the name of whoever the token speaks for."""

    def __init__(self, http: httpx.AsyncClient, addresses: Sequence[str], max_bytes: int) -> None:
        self._http = http
        self._addresses = addresses
        self._turns = cycle(range(len(addresses) or 1))
        self._max_bytes = max_bytes

    async def put(
        self,
        project: str,
        content: AsyncIterator[bytes],
        token: str,
        *,
        application: str | None = None,
        encoding: str = "",
    ) -> Digest:
        """Store a blob while it arrives, packed as `encoding` says; its digest.

        `application` says for which one: whoever may act for single ones must say so. Raises what the evidence service
        says, or `Transient`.
        """
        params = {"project": project} | ({"application": application} if application else {})
        for address in self._in_turn():
            try:
                response = await self._http.put(
                    f"{address}/blobs",
                    params=params,
                    content=content,
                    headers=_bearer(token) | ({"content-encoding": encoding} if encoding else {}),
                )
            except httpx.ConnectError:
                continue  # Nothing of the content was taken yet: another instance can have it.
            except httpx.HTTPError as error:
                raise _unreachable(type(error).__name__) from error
            if not response.is_success:
                raise _error_in(response.status_code, _json(response.content))
            return str(response.json()["content_digest"])
        raise _unreachable("no instance answers")

    async def get(self, project: str, digest: Digest, token: str) -> bytes:
        """A blob whose bytes have that digest. Raises `NotFound`, what else the service says, or `Transient`."""
        for address in self._in_turn():
            url = f"{address}/blobs/{digest}"
            try:
                async with self._http.stream("GET", url, params={"project": project}, headers=_bearer(token)) as answer:
                    content = await self._bounded(answer)
                    if not answer.is_success:
                        raise _error_in(answer.status_code, _json(content), digest)
            except httpx.ConnectError:
                continue
            except httpx.HTTPError as error:
                raise _unreachable(type(error).__name__) from error
            if sha256_digest(content) != digest:
                raise Conflict("blob_altered", f"The stored content of {digest} has another digest.")
            return content
        raise _unreachable("no instance answers")

    def _in_turn(self) -> list[str]:
        first = next(self._turns)
        return [*self._addresses[first:], *self._addresses[:first]]

    async def _bounded(self, answer: httpx.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in answer.aiter_bytes():
            size += len(part)
            if size > self._max_bytes:
                raise TooLarge("blob_too_large", f"A stored content has more than {self._max_bytes} bytes.")
            parts.append(part)
        return b"".join(parts)


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _json(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _error_in(status: int, body: dict[str, Any], digest: str = "") -> HallmarkError:
    code, message = str(body.get("code", "")), str(body.get("detail", ""))
    remedy = str(body.get("remedy", ""))
    kind = next((kind for kind, known in STATUSES if known == status), None)
    if kind is None or not issubclass(kind, Rejection):
        return _unreachable(f"status {status}")
    if kind is NotFound and not code:
        return NotFound("blob_unknown", f"There is no content {digest}.", remedy="Check the digest and the project.")
    return kind(code or "blob_refused", message or f"The evidence service said {status}.", remedy=remedy)


def _unreachable(why: str) -> Transient:
    return Transient(
        "evidence_store_unreachable",
        f"The store for large evidence cannot be reached ({why}).",
        remedy="Try again in a moment; HALLMARK_EVIDENCE_URLS must name the evidence instances.",
    )
