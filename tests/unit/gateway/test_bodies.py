from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.middleware import Middleware
from starlette.types import Message

from services.gateway.bodies import BodyLimit
from services.gateway.conversation import Conversation
from services.gateway.problems import answer_with_problems
from shared.clock import utc_now

LIMIT = 1000


class Source:
    """A body without an announced length; counts what was taken of it."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.parts):
            self.taken += 1
            yield b"x" * 100


def application() -> FastAPI:
    limits = Middleware(BodyLimit, limit_for=lambda path: LIMIT * 2 if path == "/wide" else LIMIT)
    app = FastAPI(middleware=[Middleware(Conversation, clock=utc_now), limits])
    answer_with_problems(app)

    @app.post("/{place}")
    async def length(place: str, request: Request) -> dict[str, int]:
        return {place: sum([len(part) async for part in request.stream()])}

    return app


async def post(path: str, content: bytes | Source, headers: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application()), base_url="http://test") as http:
        return await http.post(path, content=content, headers=headers)


@pytest.mark.parametrize(("path", "size"), [("/any", LIMIT), ("/wide", 2 * LIMIT)])
async def test_bodies_up_to_the_limit_pass(path: str, size: int) -> None:
    assert (await post(path, b"x" * size)).json() == {path[1:]: size}
    assert (await post(path, Source(size // 100))).json() == {path[1:]: size}


@pytest.mark.parametrize(("path", "size"), [("/any", LIMIT + 1), ("/wide", 2 * LIMIT + 1)])
async def test_an_announced_body_above_the_limit_is_refused(path: str, size: int) -> None:
    answer = await post(path, b"x" * size)
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_unannounced_body_is_refused_as_soon_as_it_crosses_the_limit() -> None:
    source = Source(10_000)
    answer = await post("/any", source)
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    assert source.taken == LIMIT // 100 + 1


async def test_a_length_that_is_no_number_is_refused() -> None:
    assert (await post("/any", b"x", {"content-length": "-1"})).status_code == 413


async def test_an_announced_body_is_refused_before_any_of_it_is_read() -> None:
    happened: list[Any] = []

    async def receive() -> Message:
        happened.append("read")
        return {"type": "http.request", "body": b"x" * 100, "more_body": len(happened) < 20}

    async def send(message: Message) -> None:
        happened.append(message.get("status", "body"))

    headers = [(b"content-length", b"10000")]
    scope = {"type": "http", "method": "POST", "path": "/any", "query_string": b"", "headers": headers}
    await application()(scope, receive, send)
    assert happened[:3] == [413, "body", "read"]
    assert happened[-1] == "body"
