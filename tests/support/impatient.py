"""A client as clients are: it asks again, with the same key, until it is answered, and counts how often it had to."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from types import TracebackType
from typing import Any, Self

import httpx

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_TOO_MANY = frozenset({429})


class UnansweredError(AssertionError):
    """Nobody answered in all that time."""


@dataclass
class Impatient:
    """Asks the gateways in turn: the next one when one does not answer."""

    gateways: Sequence[str]
    token: str
    patience: float = 180.0
    """Seconds in which each request must be answered."""
    repeats: Counter[str] = field(default_factory=Counter)
    """How often something was asked again, by what the answer before was."""

    def __post_init__(self) -> None:
        self._turns = cycle(self.gateways)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        headers = {"authorization": f"Bearer {self.token}"}
        self._http = httpx.AsyncClient(headers=headers, timeout=30, limits=limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ask(
        self, method: str, path: str, key: str = "", *, again: frozenset[int] = frozenset(), **options: Any
    ) -> httpx.Response:
        """The answer; one with a status of `again` is no answer yet.

        Raises `UnansweredError`, and AssertionError when it is a refusal.
        """
        give_up = time.monotonic() + self.patience
        pause = _FIRST_PAUSE
        while True:
            url = f"{next(self._turns)}/api/v1{path}"
            headers = {"idempotency-key": (key or path).lstrip("/")}
            try:
                answer = await self._http.request(method, url, headers=headers, **options)
            except httpx.TransportError as error:
                why = type(error).__name__
            else:
                if (
                    answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
                    and answer.status_code not in again | _TOO_MANY
                ):
                    assert answer.is_success, f"{method} {path}: {answer.text}"
                    return answer
                why = str(answer.status_code)
            self.repeats[why] += 1
            if time.monotonic() > give_up:
                raise UnansweredError(f"{method} {path} was not answered in {self.patience:.0f} s; last: {why}")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
