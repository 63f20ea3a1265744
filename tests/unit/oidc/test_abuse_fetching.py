"""Abuse cases 12 and 13: where keys are fetched from, and how much of it is taken. Against a real server with TLS."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from shared.errors import HallmarkError, Invalid, Transient, Unauthenticated
from shared.oidc.fetching import KeyFetcher
from shared.oidc.issuer import Issuer
from shared.oidc.key_cache import PAUSE, KeyCache
from tests.support.oidc import AUDIENCE, AnIssuer, a_fetcher, serving

DISCOVERY = "/.well-known/openid-configuration"
pytestmark = pytest.mark.thorough


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[tuple[AnIssuer, Path]]:
    issuer = AnIssuer()
    async with serving(issuer, tmp_path) as certificate:
        yield issuer, certificate


Here = tuple[AnIssuer, Path]


async def refused(fetcher: KeyFetcher, issuer: Issuer, kind: type[HallmarkError], saying: str) -> None:
    with pytest.raises(kind, match=saying):
        await fetcher.keys_of(issuer)


async def test_keys_are_found_by_discovery_or_where_the_operator_says(here: Here) -> None:
    issuer, certificate = here
    assert list(await a_fetcher(certificate).keys_of(issuer.issuer())) == ["one"]
    assert issuer.asked == [DISCOVERY, "/jwks"]
    assert list(await a_fetcher(certificate).keys_of(issuer.issuer(jwks_url=f"{issuer.url}/jwks"))) == ["one"]
    assert issuer.asked == [DISCOVERY, "/jwks", "/jwks"]


async def test_12_redirects_are_not_followed(here: Here) -> None:
    issuer, certificate = here
    for target in (
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/jwks",
        "https://[::ffff:169.254.169.254]/jwks",
        f"{issuer.url}/jwks",
    ):
        for path in (DISCOVERY, "/jwks"):
            issuer.pages = {path: RedirectResponse(target, 302)}
            await refused(a_fetcher(certificate), issuer.issuer(), Invalid, "redirects are not followed")


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "127.0.0.1",
        "localhost",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "[::1]",
        "[::]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "[fd00::1]",
        "[fe80::1]",
        "2130706433",
        "0x7f.1",
        "127.1",
    ],
)
async def test_12_hosts_that_are_not_public_are_refused(host: str) -> None:
    await refused(KeyFetcher(), Issuer(f"https://{host}", AUDIENCE), Invalid, "not public")
    named = Issuer("https://issuer.example", AUDIENCE, jwks_url=f"https://{host}:8443/jwks")
    await refused(KeyFetcher(), named, Invalid, "not public")


async def test_12_a_discovered_url_is_looked_at_as_well(here: Here) -> None:
    issuer, certificate = here
    for url in ("https://169.254.169.254/jwks", "https://[::ffff:10.0.0.1]/jwks"):
        issuer.pages = {DISCOVERY: JSONResponse({"issuer": issuer.url, "jwks_uri": url})}
        await refused(a_fetcher(certificate), issuer.issuer(), Invalid, "not public")
    plain = issuer.url.replace("https", "http") + "/jwks"
    for wrong in (plain, "file:///etc/passwd", "", None, ["x"], "https://u:p@h/"):
        issuer.pages = {DISCOVERY: JSONResponse({"issuer": issuer.url, "jwks_uri": wrong})}
        await refused(a_fetcher(certificate), issuer.issuer(), Invalid, "no https URL")
    issuer.pages = {DISCOVERY: JSONResponse({"issuer": issuer.url + "/", "jwks_uri": f"{issuer.url}/jwks"})}
    await refused(a_fetcher(certificate), issuer.issuer(), Invalid, "another issuer")


async def test_12_a_name_is_looked_up_once_and_connected_to_as_checked(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer, certificate = here
    loop = asyncio.get_running_loop()
    answers = ["127.0.0.1", "169.254.169.254"]

    async def rebinding(host: Any, port: Any, **_: Any) -> list[Any]:
        # What an attacker's name server would say: something else the second time.
        assert host == "localhost"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    monkeypatch.setattr(loop, "getaddrinfo", rebinding)
    assert list(await a_fetcher(certificate).keys_of(issuer.issuer(jwks_url=f"{issuer.url}/jwks"))) == ["one"]
    assert answers == ["169.254.169.254"]


async def test_13_a_flood_is_cut_off_and_a_slow_answer_waited_for_once(here: Here) -> None:
    issuer, certificate = here
    sent = [0]

    async def flood() -> Response:
        async def body() -> AsyncIterator[bytes]:
            for _ in range(100):
                sent[0] += 2**20
                yield b" " * 2**20

        return StreamingResponse(body(), media_type="application/json")

    async def never() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b'{"keys": ['
            await asyncio.Event().wait()

        return StreamingResponse(body(), media_type="application/json")

    issuer.pages = {"/jwks": flood}
    await refused(a_fetcher(certificate), issuer.issuer(), Invalid, "more than 1048576 bytes")
    assert sent[0] < 100 * 2**20
    issuer.pages = {"/jwks": never}
    await refused(a_fetcher(certificate, seconds=0.3), issuer.issuer(), Transient, "does not answer within 0.3 s")


async def test_13_the_last_good_keys_outlive_floods_and_errors(here: Here) -> None:
    issuer, certificate = here
    at = [0.0]
    cache = KeyCache(a_fetcher(certificate).keys_of, clock=lambda: at[0])
    assert (await cache.key(issuer.issuer(), "one")).key_id == "one"
    for page in (Response(status_code=500), Response(b"{}", media_type="text/html"), JSONResponse({"keys": []})):
        issuer.pages = {"/jwks": page}
        at[0] += PAUSE
        with pytest.raises(Unauthenticated):
            await cache.key(issuer.issuer(), "two")
        assert (await cache.key(issuer.issuer(), "one")).key_id == "one"
    assert issuer.asked.count("/jwks") == 4


async def test_only_plain_json_with_status_200_is_read(here: Here) -> None:
    issuer, certificate = here
    keys = json.dumps(issuer.key_set()).encode()
    for page, saying in (
        (Response(keys, 206, media_type="application/json"), "status 206"),
        (Response(keys, media_type="text/plain"), "something else than JSON"),
        (Response(keys, media_type="application/json", headers={"content-encoding": "gzip"}), "packs"),
        (Response(b"\x1f\x8b", media_type="application/json"), "not JSON"),
    ):
        issuer.pages = {"/jwks": page}
        await refused(a_fetcher(certificate), issuer.issuer(), Invalid, saying)


async def test_a_certificate_that_nobody_vouches_for_is_refused(here: Here) -> None:
    issuer, _ = here
    await refused(KeyFetcher([ip_network("127.0.0.0/8"), ip_network("::1/128")]), issuer.issuer(), Transient, "refuses")
