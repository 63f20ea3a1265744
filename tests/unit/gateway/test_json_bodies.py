from typing import Any

import httpx
import pytest

from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings


async def ask(method: str, path: str, **options: Any) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(GatewaySettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        return await http.request(method, path, **options)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"title": "a", "title": "b"}', "json_key_duplicate"),
        (b'{"title": NaN}', "json_number_unusable"),
        (b'{"title": 18446744073709551616}', "json_number_unusable"),
        (b'{"title": "\\ud800"}', "json_malformed"),
        (b'\xef\xbb\xbf{"title": "a"}', "json_malformed"),
        (b'{"title": ' + b"[" * 300 + b"]" * 300 + b"}", "json_too_deep"),
    ],
    ids=["equal keys", "no number", "large number", "half a character", "byte order mark", "deep"],
)
async def test_a_body_that_readers_could_take_for_different_things_is_refused(body: bytes, code: str) -> None:
    answer = await ask("PUT", "/api/v1/projects/shop", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/api/v1/projects/shop", "GET, PUT"),
        ("HEAD", "/api/v1/projects", "GET"),
        ("DELETE", "/openapi.json", "GET, HEAD"),
        ("PUT", "/sign-in", "GET, POST"),
        ("POST", "/badge/shop/cart.svg", "GET"),
        ("POST", "/static/console.css", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_so_also_beside_the_console(method: str, path: str, allowed: str) -> None:
    answer = await ask(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
