"""A gateway with a handful of fixed answers, over real HTTP: what the command line talks to where no services run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

_PREFIX = "/api/v1"


@dataclass
class SmallGateway:
    """What it answers by `METHOD path`, what it was asked, and the environment that points to it.

    An answer that can be called is given what was sent.
    """

    answers: Mapping[str, Any]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    sent: dict[str, Any] = field(default_factory=dict)
    queries: dict[str, str] = field(default_factory=dict)
    bearers: list[str] = field(default_factory=list)
    """The token of each request, in order."""

    @property
    def environment(self) -> dict[str, str]:
        return {"HALLMARK_URL": self.url, "HALLMARK_TOKEN": "token", "COLUMNS": "200"}


@contextmanager
def small_gateway(answers: Mapping[str, Any]) -> Iterator[SmallGateway]:
    """A gateway that answers these, and 404 to everything else."""
    gateway = SmallGateway(answers)

    class Door(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            operation = f"{self.command} {urlsplit(self.path).path.removeprefix(_PREFIX)}"
            gateway.asked.append(operation)
            gateway.queries[operation] = urlsplit(self.path).query
            gateway.bearers.append(self.headers.get("authorization", "").removeprefix("Bearer "))
            length = int(self.headers.get("content-length", 0))
            if length:
                gateway.sent[operation] = json.loads(self.rfile.read(length))
            known = operation in gateway.answers
            problem = {"code": "unknown", "detail": f"{operation} is not here.", "remedy": ""}
            answer = gateway.answers.get(operation, problem)
            body = json.dumps(answer(gateway.sent.get(operation)) if callable(answer) else answer).encode()
            self.send_response(200 if known else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - the names are those of the standard library

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        gateway.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield gateway
        finally:
            server.shutdown()
            thread.join()
