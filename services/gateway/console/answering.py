"""Questions whose answer a page can do without: what is not known, or not to be had now, is shown as missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from contracts.message import Query
from services.gateway.console.viewing import Viewer
from shared.errors import HallmarkError, NotFound, Rejection, Transient

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class Told(Generic[A]):
    """An answer, or why there is none."""

    answer: A | None = None
    problem: HallmarkError | None = None
    """None too where there is simply nothing."""


async def told(viewer: Viewer, query: Query, answer: type[A]) -> Told[A]:
    """What a service answers, or what it said instead. Raises only what no service says."""
    try:
        return Told(await viewer.ask(query, answer))
    except NotFound:
        return Told()
    except (Rejection, Transient) as error:
        return Told(problem=error)


async def known(viewer: Viewer, query: Query, answer: type[A]) -> A | None:
    """The answer; None for what is not there, what may not be seen, and while the service cannot answer."""
    found = await told(viewer, query, answer)
    return found.answer
