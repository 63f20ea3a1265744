"""Getting an issuer's keys: the one room here that connects anywhere.

- https only, certificates checked, no redirect followed, no proxy from the environment.
- Every address of the host must be one that may be connected to, and the connection goes to the very address that was
  checked: a name that resolves otherwise the second time gains nothing.
- One time limit for all of it; one MiB, counted as it arrives and never unpacked; only status 200 and only JSON.
- A discovery document must name the issuer it was asked for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import httpx

from shared.crypto import strict_json
from shared.errors import HallmarkError, Invalid, Transient
from shared.oidc.addresses import Network, may_connect
from shared.oidc.issuer import Issuer, require_https
from shared.oidc.key_set import MAX_BYTES, KeySet, read_key_set

_MEDIA_TYPES = ("application/json", "application/jwk-set+json")


class KeyFetcher:
    """Fetches key sets."""

    def __init__(self, allowed: Sequence[Network] = (), *, ca_file: Path | None = None, seconds: float = 5.0) -> None:
        self._allowed = tuple(allowed)
        self._tls = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        self._seconds = seconds

    async def keys_of(self, issuer: Issuer) -> KeySet:
        """The keys that the issuer has now. Raises `Transient` when it cannot be reached, `Invalid` for the rest."""
        try:
            async with asyncio.timeout(self._seconds):
                url = issuer.jwks_url or await self._discovered(issuer)
                return read_key_set(await self._get(url), issuer.algorithm)
        except TimeoutError as error:
            raise _unreachable(f"does not answer within {self._seconds} s") from error

    async def _discovered(self, issuer: Issuer) -> str:
        document = strict_json.loads(await self._get(issuer.discovery_url), max_bytes=MAX_BYTES)
        if not isinstance(document, dict) or document.get("issuer") != issuer.url:
            raise _refused("describes another issuer")
        url = document.get("jwks_uri")
        try:
            require_https(url if isinstance(url, str) else "")
        except ValueError as error:
            raise _refused("names no https URL for its keys") from error
        return str(url)

    async def _get(self, url: str) -> bytes:
        target = httpx.URL(url)
        problem: HallmarkError = _unreachable("has no address")
        for address in await self._addresses(target):
            try:
                return await self._get_from(target, address)
            except httpx.ConnectError as error:
                problem = _unreachable(f"refuses the connection ({type(error).__name__})")
            except httpx.HTTPError as error:
                raise _unreachable(f"breaks off ({type(error).__name__})") from error
        raise problem

    async def _addresses(self, target: httpx.URL) -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                target.host, target.port or 443, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise _unreachable("has a name that does not resolve") from error
        addresses = [str(one[4][0]) for one in found]
        if not all(may_connect(one, self._allowed) for one in addresses):
            raise _refused("has an address that is not public and not in an allowed network")
        return addresses

    async def _get_from(self, target: httpx.URL, address: str) -> bytes:
        headers = {"host": target.netloc.decode(), "accept": ", ".join(_MEDIA_TYPES), "accept-encoding": "identity"}
        async with (
            httpx.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=False, timeout=self._seconds) as http,
            http.stream(
                "GET", target.copy_with(host=address), headers=headers, extensions={"sni_hostname": target.host}
            ) as answer,
        ):
            _check(answer)
            content = b""
            async for part in answer.aiter_raw():
                content += part
                if len(content) > MAX_BYTES:
                    raise _refused(f"sends more than {MAX_BYTES} bytes")
            return content


def _check(answer: httpx.Response) -> None:
    if answer.status_code != httpx.codes.OK:
        raise _refused(f"answers with status {answer.status_code}; redirects are not followed")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise _refused("packs its answer, which was not asked for")
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _MEDIA_TYPES:
        raise _refused("answers with something else than JSON")


def _refused(problem: str) -> Invalid:
    return Invalid(
        "issuer_refused", f"The issuer {problem}.", remedy="Check the issuer's URL and HALLMARK_OIDC_ALLOWED_NETWORKS."
    )


def _unreachable(problem: str) -> Transient:
    return Transient("issuer_unreachable", f"The issuer {problem}.", remedy="Try again in a minute.")
