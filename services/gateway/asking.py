"""One request's way to the services that decide: always in the name of whoever signed in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel

from contracts.headers import Meta
from contracts.message import MAX_BODY, Command, Query
from shared.errors import TooLarge
from shared.identity import Caller
from shared.messaging.asking import Asker

A = TypeVar("A", bound=BaseModel)
_AT_ONCE = 16


@dataclass(frozen=True)
class Asking:
    """Asks for one signed-in caller, because of one request."""

    asker: Asker
    caller: Caller
    meta: Meta
    actor_token: Callable[[], str]
    """Makes the short-lived token that proves to a service who asks."""
    deadline: float

    async def ask(self, message: Command | Query) -> dict[str, Any]:
        """The answer as JSON. Raises the `Rejection` the service gave, or `Transient` when none could answer."""
        _refuse_oversize(message)
        return await self.asker.ask_raw(message, token=self.actor_token(), cause=self.meta, deadline=self.deadline)

    async def ask_as(self, message: Command | Query, answer: type[A]) -> A:
        """As `ask`, with the answer as its model."""
        return answer.model_validate(await self.ask(message))

    async def ask_each(self, messages: Iterable[Query], answer: type[A]) -> list[A]:
        """The answers in order, to questions of which none rests on another; a few are under way at a time."""
        found: list[A] = []
        waiting = iter(messages)
        while some := list(islice(waiting, _AT_ONCE)):
            found += await asyncio.gather(*(self.ask_as(one, answer) for one in some))
        return found


def _refuse_oversize(message: Command | Query) -> None:
    size = len(message.model_dump_json())
    if size > MAX_BODY:
        raise TooLarge(
            "message_too_large",
            f"The request would become a message of {size} bytes, above {MAX_BODY}.",
            remedy="Send less at a time, in several requests.",
        )
