"""Asking an issuer: for its keys, for its endpoints, and to redeem a code. The one room here that connects anywhere.

- https only, certificates checked, no redirect followed, no proxy from the environment.
- Every address of the host must be one that may be connected to, and the connection goes to the very address that was
  checked: a name that resolves otherwise the second time gains nothing.
- One time limit for all of it; one MiB, counted as it arrives and never unpacked; only status 200 and only JSON. What
  is posted may also be answered with the JSON of a refusal, of which only a known error code is repeated.
- A discovery document must name the issuer it was asked for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from shared.crypto import strict_json
from shared.errors import HallmarkError
from shared.oidc.addresses import Network, may_connect
from shared.oidc.endpoints import Endpoints, read_endpoints, read_jwks_uri, refused, unreachable
from shared.oidc.issuer import Issuer
from shared.oidc.key_set import MAX_BYTES, KeySet, read_key_set

_MEDIA_TYPES = ("application/json", "application/jwk-set+json")
_TOKEN_ERRORS = (
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
)
"""RFC 6749, section 5.2."""


class KeyFetcher:
    """Asks issuers."""

    def __init__(self, allowed: Sequence[Network] = (), *, ca_file: Path | None = None, seconds: float = 5.0) -> None:
        self._allowed = tuple(allowed)
        self._tls = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        self._seconds = seconds

    async def keys_of(self, issuer: Issuer) -> KeySet:
        """The keys that the issuer has now. Raises `Transient` when it cannot be reached, `Invalid` for the rest."""
        async with _in_time(self._seconds):
            url = issuer.jwks_url or read_jwks_uri(await self._described(issuer), issuer)
            return read_key_set(await self._send("GET", url), issuer.algorithm)

    async def endpoints_of(self, issuer: Issuer) -> Endpoints:
        """Where the issuer signs people in. Raises as `keys_of`."""
        async with _in_time(self._seconds):
            return read_endpoints(await self._described(issuer), issuer)

    async def redeemed(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> Any:
        """What a token endpoint answers to a form; `basic` are user and password. Raises as `keys_of`."""
        async with _in_time(self._seconds):
            return strict_json.loads(await self._send("POST", url, form, basic), max_bytes=MAX_BYTES)

    async def _described(self, issuer: Issuer) -> Any:
        return strict_json.loads(await self._send("GET", issuer.discovery_url), max_bytes=MAX_BYTES)

    async def _send(
        self, method: str, url: str, form: Mapping[str, str] | None = None, basic: tuple[str, str] | None = None
    ) -> bytes:
        target = httpx.URL(url)
        problem: HallmarkError = unreachable("has no address")
        for address in await self._addresses(target):
            request = httpx.Request(
                method,
                target.copy_with(host=address),
                headers={
                    "host": target.netloc.decode(),
                    "accept": ", ".join(_MEDIA_TYPES),
                    "accept-encoding": "identity",
                },
                data=dict(form) if form is not None else None,
                extensions={"sni_hostname": target.host},
            )
            try:
                return await self._answer_to(request, basic)
            except httpx.ConnectError as error:
                problem = unreachable(f"refuses the connection ({type(error).__name__})")
            except httpx.HTTPError as error:
                raise unreachable(f"breaks off ({type(error).__name__})") from error
        raise problem

    async def _addresses(self, target: httpx.URL) -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                target.host, target.port or 443, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise unreachable("has a name that does not resolve") from error
        addresses = [str(one[4][0]) for one in found]
        if not all(may_connect(one, self._allowed) for one in addresses):
            raise refused("has an address that is not public and not in an allowed network")
        return addresses

    async def _answer_to(self, request: httpx.Request, basic: tuple[str, str] | None) -> bytes:
        async with httpx.AsyncClient(
            verify=self._tls, trust_env=False, follow_redirects=False, timeout=self._seconds
        ) as http:
            answer = await http.send(request, stream=True, auth=basic)
            try:
                content = b""
                _check_form(answer)
                async for part in answer.aiter_raw():
                    content += part
                    if len(content) > MAX_BYTES:
                        raise refused(f"sends more than {MAX_BYTES} bytes")
            finally:
                await answer.aclose()
        _check_status(answer, content)
        return content


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise unreachable(f"does not answer within {seconds} s") from error


def _check_form(answer: httpx.Response) -> None:
    if answer.status_code != httpx.codes.OK and not _may_explain(answer):
        raise refused(f"answers with status {answer.status_code}; redirects are not followed")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise refused("packs its answer, which was not asked for")
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _MEDIA_TYPES:
        raise refused("answers with something else than JSON")


def _may_explain(answer: httpx.Response) -> bool:
    """Whether this is how a token endpoint says no (RFC 6749 section 5.2)."""
    return answer.request.method == "POST" and answer.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED)


def _check_status(answer: httpx.Response, content: bytes) -> None:
    if answer.status_code == httpx.codes.OK:
        return
    said = strict_json.loads(content, max_bytes=MAX_BYTES)
    code = said.get("error") if isinstance(said, dict) else None
    raise refused(f"does not redeem the code ({code if code in _TOKEN_ERRORS else answer.status_code})")
