"""HTTP to the gateway: problems come back as the same errors that the services raise."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httpx

from services.cli import connection
from services.cli.run_token import RunToken
from shared import errors

_RETRY_SECONDS = 20.0
_TIMEOUT_SECONDS = 30.0
_SILENCE_SECONDS = 40.0
"""The live stream says at least something every 15 s: after this long it is broken."""
_BY_STATUS: dict[int, type[errors.HallmarkError]] = {
    400: errors.Invalid,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.TooLarge,
    422: errors.Invalid,
}


class Client:
    """The gateway, as one caller sees it."""

    def __init__(self, http: httpx.Client | None = None, *, patience: float = _RETRY_SECONDS) -> None:
        self._patience = patience
        run = connection.github_run()
        self._http = http or httpx.Client(
            base_url=connection.gateway_url().value + "/api/v1",
            headers={} if run else {"authorization": f"Bearer {connection.token().value}"},
            auth=RunToken(run) if run else None,
            timeout=_TIMEOUT_SECONDS,
        )

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer. Raises the error behind a problem, `Transient` when nobody answers."""
        return self._ask("GET", path, params=_given(query)).json()

    def get_bytes(self, path: str, **query: Any) -> bytes:
        """The answer as it is. Raises as `get`."""
        return self._ask("GET", path, params=_given(query)).content

    def get_table(self, path: str, **query: Any) -> tuple[str, str | None]:
        """The answer as CSV, and what to pass as `after` for its next page; None at the end. Raises as `get`."""
        answer = self._ask("GET", path, params={**_given(query), "format": "csv"})
        following = answer.headers.get("hallmark-next")
        return answer.text, unquote(following) if following is not None else None

    def put(self, path: str, body: Any) -> Any:
        """As `get`; a document is taken over."""
        return self._ask("PUT", path, json=body, headers=_once()).json()

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """As `get`; `key` makes repeats harmless, one is made when absent."""
        return self._ask("POST", path, json=body or {}, headers=_once(key)).json()

    def delete(self, path: str) -> Any:
        """As `get`; something ends."""
        answer = self._ask("DELETE", path, headers=_once())
        return answer.json() if answer.content else {}

    def post_bytes(self, path: str, body: bytes, **query: Any) -> Any:
        """As `get`; sends bytes as they are."""
        headers = {**_once(), "content-type": "application/json"}
        return self._ask("POST", path, content=body, params=_given(query), headers=headers).json()

    def post_lines(self, path: str, lines: Sequence[bytes], *, key: str, **query: Any) -> list[Any]:
        """As `get`; sends lines, and gets one JSON answer for each of them."""
        headers = {**_once(key), "content-type": "application/x-ndjson"}
        answer = self._ask("POST", path, content=b"\n".join(lines), params=_given(query), headers=headers)
        return [json.loads(line) for line in answer.text.splitlines()]

    def pages(self, path: str, field: str, **query: Any) -> Iterator[Any]:
        """Every item of a paged list."""
        after: Any = None
        while True:
            page = self.get(path, **query, after=after)
            yield from page[field]
            after = page.get("next")
            if after is None:
                return

    @contextmanager
    def listen(self, path: str, *, last_event_id: str | None = None, **query: Any) -> Iterator[Iterator[str]]:
        """The lines of a live stream, as they come. Raises as `get`, and `Transient` when it breaks off."""
        headers = {"last-event-id": last_event_id} if last_event_id else {}
        timeout = httpx.Timeout(_TIMEOUT_SECONDS, read=_SILENCE_SECONDS)
        try:
            with self._http.stream("GET", path, params=_given(query), headers=headers, timeout=timeout) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _problem(answer)
                yield answer.iter_lines()
        except httpx.HTTPError as error:
            raise errors.Transient("stream_broken", f"The live stream broke off ({type(error).__name__}).") from error

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        give_up = time.monotonic() + self._patience
        while True:
            try:
                answer = self._http.request(method, path, **options)
                if answer.is_success:
                    return answer
                problem = _problem(answer)
            except httpx.TransportError as error:
                problem = errors.Transient(
                    "gateway_unreachable",
                    f"The gateway does not answer ({type(error).__name__}).",
                    remedy="Check HALLMARK_URL, and `hallmark status` for a local stack.",
                )
            # Safe to repeat: reads change nothing, and everything else carries an Idempotency-Key.
            if not isinstance(problem, errors.Transient) or time.monotonic() > give_up:
                raise problem
            time.sleep(problem.retry_after if isinstance(problem, errors.Busy) else 0.3)


def client_at(url: str, token: str) -> Client:
    """The gateway at that address, as the holder of that token sees it."""
    headers = {"authorization": f"Bearer {token}"}
    return Client(httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=_TIMEOUT_SECONDS))


def _problem(answer: httpx.Response) -> errors.HallmarkError:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        wait = float(answer.headers.get("retry-after", "1"))
        return errors.Busy(body.get("code", "busy"), body.get("detail", "Too much is under way."), retry_after=wait)
    kind = _BY_STATUS.get(answer.status_code, errors.Transient)
    return kind(
        body.get("code", f"http_{answer.status_code}"),
        body.get("detail", f"The gateway answered {answer.status_code}."),
        remedy=body.get("remedy", ""),
    )


def _once(key: str | None = None) -> dict[str, str]:
    return {"idempotency-key": key or uuid.uuid4().hex}


def _given(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}
