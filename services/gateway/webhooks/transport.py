"""HTTP to receivers whom nobody here knows: each connection goes to an address that was looked at just before.

- The name is resolved once per request, every address is checked, and the connection goes to one of exactly those: a
  name that changes its mind in between (DNS rebinding) changes nothing. TLS and `Host` still say the name.
- No connection is used twice: it would be another request's that was checked.
- No redirects, no proxies, no certificates named by the environment.
- One time limit for everything. Of an answer the status counts; its body is read up to 64 KiB and dropped.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import httpx

from services.gateway.webhooks.destinations import Rules, admitted, destination
from shared.errors import Invalid

Resolve = Callable[[str, int], Awaitable[list[str]]]
LONGEST_ANSWER = 64 * 1024


async def look_up(host: str, port: int) -> list[str]:
    """Every address of a host, as the operating system prefers them. Raises `OSError` for unknown ones.

    In a thread of its own, which nobody waits for: a dead name server must keep neither the others nor a stop waiting.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def tell(addresses: list[str], error: OSError | None) -> None:
        if found.done():
            return
        if error:
            found.set_exception(error)
        else:
            found.set_result(addresses)

    def ask() -> None:
        addresses, problem = [], None
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(one[4][0]) for one in infos))
        except OSError as error:
            problem = error
        except UnicodeError as error:
            problem = OSError(str(error))
        with suppress(RuntimeError):  # The process has stopped meanwhile.
            loop.call_soon_threadsafe(tell, addresses, problem)

    Thread(target=ask, name="webhook-lookup", daemon=True).start()
    return await found


class PinnedTransport(httpx.AsyncBaseTransport):
    """Connects to addresses that the rules admit, and to no others."""

    def __init__(self, rules: Rules, resolve: Resolve, trusted: ssl.SSLContext) -> None:
        self._rules = rules
        self._resolve = resolve
        unused = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=trusted, trust_env=False, limits=unused)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer. Raises `Invalid` for what may not be reached, `OSError` for unknown names, httpx's errors."""
        goal = destination(str(request.url), self._rules)
        address = admitted(await self._resolve(goal.host.strip("[]"), goal.port), self._rules)
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # `Host` among them
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": goal.host},
        )
        return await self._inner.handle_async_request(pinned)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()


def trusted_authorities(file: Path | None) -> ssl.SSLContext:
    """Whose certificates are believed: those of the file, or the usual ones. Raises `OSError` for a bad file."""
    return ssl.create_default_context(cafile=str(file)) if file else httpx.create_ssl_context(trust_env=False)


class Courier:
    """Takes one body to one receiver."""

    def __init__(self, transport: httpx.AsyncBaseTransport, seconds: float) -> None:
        self._http = httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False, timeout=seconds)
        self._seconds = seconds

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int | None, str, httpx.Headers]:
        """The status, None when there was no answer; in words what went wrong; the headers of the answer."""
        nothing = httpx.Headers()
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(url, headers, body)
        except TimeoutError:
            return None, f"no complete answer within {self._seconds:g} s", nothing
        except httpx.TimeoutException:
            return None, f"no complete answer within {self._seconds:g} s", nothing
        except Invalid as error:
            return None, error.message, nothing
        except socket.gaierror:
            return None, "the host is unknown", nothing
        except (httpx.HTTPError, OSError) as error:
            return None, _words(error), nothing

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, str, httpx.Headers]:
        async with self._http.stream("POST", url, headers=headers, content=body) as answer:
            read = 0
            async for chunk in answer.aiter_raw():
                read += len(chunk)
                if read >= LONGEST_ANSWER:
                    break
            problem = "" if answer.is_success else f"answered {answer.status_code}"
            return answer.status_code, problem, answer.headers

    async def close(self) -> None:
        """Hang up."""
        await self._http.aclose()


def _words(error: Exception) -> str:
    """What went wrong, without anything of the URL."""
    if isinstance(error.__cause__ or error.__context__, ssl.SSLError) or "CERTIFICATE" in str(error).upper():
        return "its certificate is not believed"
    return f"it could not be reached ({type(error).__name__})"
