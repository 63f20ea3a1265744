import asyncio
import json

from fastapi import FastAPI

from services.gateway.protocol import protocol
from tests.integration.gateway_door import serving


async def test_what_is_no_http_is_refused_as_a_problem() -> None:
    async with serving(FastAPI(), http=protocol()) as (url, _):
        host, _, port = url.removeprefix("http://").partition(":")
        for sent in (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"no HTTP at all\r\n\r\n"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(sent)
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert b"content-type: application/problem+json" in head.lower()
            problem = json.loads(body)
            assert (problem["code"], problem["status"]) == ("request_malformed", 400)
            assert problem["remedy"]
