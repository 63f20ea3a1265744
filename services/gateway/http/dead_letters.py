"""Messages that no service could handle: list, inspect, replay, drop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, get_args

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from contracts.any.v1.dead_letters import (
    DeadLetterPage,
    DropDeadLetter,
    LetterState,
    LetterSummary,
    ListDeadLetters,
    ReplayDeadLetter,
    ShowDeadLetter,
)
from contracts.message import PageLimit, ServiceName
from contracts.vocabulary import utc
from services.gateway.asking import Asking
from services.gateway.auth import SignedIn
from services.gateway.offering import offer
from shared.errors import Transient

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])
_ONE = "/{service}/{letter_id}"


@router.get("", operation_id="ListDeadLetters", response_model=DeadLetterPage)
async def list_dead_letters(
    *,
    asking: SignedIn,
    service: Annotated[ServiceName | None, Query()] = None,
    state: Annotated[LetterState | None, Query()] = LetterState.WAITING,
    every: Annotated[bool, Query(description="Settled ones too.")] = False,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[PageLimit, Query()] = 100,
) -> JSONResponse:
    """Which messages could nobody handle? Newest first, of one service or of all."""
    asked: Sequence[ServiceName] = [service] if service else get_args(ServiceName)
    page = await dead_letters_of(asking, asked, None if every else state, after=after, limit=limit)
    return JSONResponse(page.model_dump(mode="json"))


async def dead_letters_of(
    asking: Asking, asked: Sequence[ServiceName], state: LetterState | None, *, after: str | None, limit: int
) -> DeadLetterPage:
    """Dead letters of these services, newest first; who does not answer is named. Raises a `Rejection`."""
    pages = await asyncio.gather(*(_page(asking, one, state, after, limit) for one in asked))
    letters = sorted((letter for page in pages if page for letter in page.letters), key=_newest_first)
    more = len(letters) > limit or any(page.next for page in pages if page)
    return DeadLetterPage(
        letters=tuple(letters[:limit]),
        next=f"{utc(letters[limit - 1].at)}|{letters[limit - 1].letter_id}" if more else None,
        silent=tuple(one for one, found in zip(asked, pages, strict=True) if found is None),
    )


async def _page(
    asking: Asking, service: ServiceName, state: LetterState | None, after: str | None, limit: int
) -> DeadLetterPage | None:
    query = ListDeadLetters(service=service, state=state, after=after, limit=limit)
    try:
        return await asking.ask_as(query, DeadLetterPage)
    except Transient:  # Operators look here when something is wrong: what the others say must not be missing then.
        return None


def _newest_first(letter: LetterSummary) -> tuple[float, str]:
    return -letter.at.timestamp(), letter.letter_id


offer(router, f"GET {_ONE}", ShowDeadLetter)
offer(router, f"POST {_ONE}/replay", ReplayDeadLetter)
offer(router, f"POST {_ONE}/drop", DropDeadLetter)
