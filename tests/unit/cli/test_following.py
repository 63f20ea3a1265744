"""Following the gateway: woken by its stream, resumed where it broke off, and by looking while there is none."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import httpx
import pytest

from services.cli import following
from services.cli.client import Client
from services.cli.following import News, follow
from shared.errors import Transient

END = object()
WITHIN = 20.0


@dataclass
class Door:
    """A gateway whose answer and stream the test holds in its hands."""

    url: str = ""
    value: int = 0
    stream_status: int = 200
    answers: bool = True
    looks: int = 0
    resumed_after: list[str | None] = field(default_factory=list)
    events: Queue[Any] = field(default_factory=Queue)
    connected: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def client(self) -> Client:
        return Client(httpx.Client(base_url=f"{self.url}/api/v1", timeout=5), patience=0.1)


@contextmanager
def a_door() -> Iterator[Door]:
    door = Door()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/api/v1/stream"):
                return self._stream()
            door.looks += 1
            body = b'{"value": %d}' % door.value
            self.send_response(200 if door.answers else 503)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return None

        def _stream(self) -> None:
            door.resumed_after.append(self.headers.get("last-event-id"))
            self.send_response(door.stream_status)
            self.end_headers()
            if door.stream_status == 200:
                self.wfile.write(b": keepalive\n\n")
                self.wfile.flush()
                door.connected.release()
                while (event := door.events.get(timeout=WITHIN)) is not END:
                    self.wfile.write(event)
                    self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        door.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield door
        finally:
            door.events.put(END)
            server.shutdown()
            thread.join()


def following_to(door: Door, last: int, seconds: float = WITHIN) -> Iterator[int]:
    """The values seen until `last`."""
    with News(door.client(), "shop", "web") as news:
        for found in follow(
            door.client(), "/thing", news, seconds, is_over=lambda it: it["value"] == last, silent=lambda: None
        ):
            yield found["value"]


def test_the_stream_wakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_LOOK_LIVE_SECONDS", WITHIN)  # Looking alone would take too long.
    monkeypatch.setattr(following, "_LOOK_BLIND_SECONDS", WITHIN)
    with a_door() as door:
        seen = following_to(door, 2)
        assert next(seen) == 0
        assert door.connected.acquire(timeout=WITHIN)
        for value in (1, 2):
            door.value = value
            door.events.put(b'id: %d\ndata: {"n": 1}\n\n' % value)
            assert next(seen) == value
        assert list(seen) == []


def test_a_broken_stream_goes_on_after_the_last_event_that_was_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_LOOK_LIVE_SECONDS", WITHIN)
    monkeypatch.setattr(following, "_LOOK_BLIND_SECONDS", WITHIN)
    monkeypatch.setattr(following, "_RECONNECT_SECONDS", 0.01)
    with a_door() as door, News(door.client(), "shop", "web") as news:
        assert news.wait(WITHIN), "connecting wakes"
        door.events.put(b"id: 41\ndata: x\n\n")
        assert news.wait(WITHIN)
        door.events.put(END)
        assert news.wait(WITHIN), "so does connecting again: something may have happened meanwhile"
        assert door.resumed_after == [None, "41"]


@pytest.mark.parametrize("status", [403, 404, 503])
def test_without_a_stream_looking_has_to_do(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_LOOK_BLIND_SECONDS", 0.01)
    with a_door() as door:
        door.stream_status = status
        seen = following_to(door, 1)
        assert next(seen) == 0
        door.value = 1
        assert list(seen) == [1]


def test_the_same_answer_is_told_once_and_the_time_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_LOOK_BLIND_SECONDS", 0.01)
    with a_door() as door:
        door.stream_status = 404
        assert list(following_to(door, 9, seconds=0.2)) == [0]
        assert door.looks > 1


def test_a_gateway_that_stays_away_is_said_and_in_the_end_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_LOOK_BLIND_SECONDS", 0.01)
    silences: list[None] = []
    with a_door() as door:
        door.answers = False
        with News(door.client(), "shop") as news:
            seen = follow(door.client(), "/thing", news, 0.2, is_over=bool, silent=lambda: silences.append(None))
            with pytest.raises(Transient):
                list(seen)
    assert silences
