"""How the installation is: services and what waits for them, streams, dead letters, imports."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.any.v1.dead_letters import (
    DeadLetterPage,
    DeadLetterView,
    DropDeadLetter,
    LetterId,
    LetterState,
    ListDeadLetters,
    ReplayDeadLetter,
    ShowDeadLetter,
)
from contracts.message import ServiceName
from contracts.monitoring.v1.feeds import AdvisoryImportPage, ListAdvisoryImports
from contracts.vocabulary import Role
from services.gateway.auth import Here
from services.gateway.console.operations_views import services, size
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Sent, Viewed, Viewer
from services.gateway.http.dead_letters import dead_letters_of
from services.gateway.parts import Gateway
from services.gateway.standings import StreamStanding, standings
from shared.errors import HallmarkError, Transient
from shared.identity import EVERYWHERE

router = APIRouter(prefix="/operations")
_SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)
_LETTER = "/dead-letters/{service}/{letter_id}"
_BODY_SHOWN = 20_000
_SOON = 3.0
"""Seconds that a service has to answer here: the page is for finding out who does not."""


@router.get("")
async def show_operations(request: Request, here: Here, viewer: Viewed) -> Response:
    """Everything at a glance. What concerns the whole installation is for its administrators."""
    imports, streams, answered, letters = await asyncio.gather(
        _imports(viewer), _streams(here, viewer), _answers(viewer), _letters(viewer)
    )
    return page(
        request,
        "operations/show.html",
        viewer,
        live="",
        operator=_is_operator(viewer),
        services=services(streams or (), answered),
        streams=streams,
        letters=letters,
        imports=imports,
        size=size,
    )


@router.get("/dead-letters")
async def list_letters(
    request: Request,
    viewer: Viewed,
    state: Annotated[LetterState | Literal[""], Query()] = "",
    service: Annotated[ServiceName | Literal[""], Query()] = "",
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Messages that no service could handle, newest first."""
    found = await dead_letters_of(
        viewer.asking, [service] if service else _SERVICES, state or None, after=after, limit=50
    )
    return page(
        request,
        "operations/letters.html",
        viewer,
        live="",
        letters=found,
        state=state,
        service=service,
        all_states=[("", "all"), *((one.value, one.value) for one in LetterState)],
        all_services=[("", "all"), *((one, one) for one in _SERVICES)],
    )


@router.get(_LETTER)
async def show_letter(request: Request, viewer: Viewed, service: ServiceName, letter_id: LetterId) -> Response:
    """One message that could not be handled, and why."""
    found = await viewer.ask(ShowDeadLetter(service=service, letter_id=letter_id), DeadLetterView)
    body = base64.b64decode(found.body)
    text = body[:_BODY_SHOWN].decode(errors="replace")
    return page(request, "operations/letter.html", viewer, found=found, body=text, cut=len(body) > _BODY_SHOWN)


@router.post(f"{_LETTER}/replay")
async def replay_letter(form: Sent, service: ServiceName, letter_id: LetterId) -> Response:
    """Have the message handled now."""
    await form.send(ReplayDeadLetter, DeadLetterView, service=service, letter_id=letter_id)
    return RedirectResponse(f"/operations/dead-letters/{service}/{letter_id}", 303)


@router.post(f"{_LETTER}/drop")
async def drop_letter(form: Sent, service: ServiceName, letter_id: LetterId) -> Response:
    """Settle it without handling its message."""
    reason = form.needed("reason", "The reason")
    await form.send(DropDeadLetter, DeadLetterView, service=service, letter_id=letter_id, reason=reason)
    return RedirectResponse(f"/operations/dead-letters/{service}/{letter_id}", 303)


def _is_operator(viewer: Viewer) -> bool:
    return viewer.may(EVERYWHERE, Role.ADMIN)


async def _imports(viewer: Viewer) -> AdvisoryImportPage | None:
    try:
        return await viewer.ask(ListAdvisoryImports(limit=10), AdvisoryImportPage)
    except Transient:  # as everywhere on this page: what the others say must not be missing when one is silent
        return None


async def _streams(here: Gateway, viewer: Viewer) -> tuple[StreamStanding, ...] | None:
    if not _is_operator(viewer):
        return None
    try:
        return await standings(here.connection)
    except Transient:
        return None


async def _answers(viewer: Viewer) -> dict[str, float | None]:
    if not _is_operator(viewer):
        return {}
    return dict(zip(_SERVICES, await asyncio.gather(*(_answer(viewer, one) for one in _SERVICES)), strict=True))


async def _answer(viewer: Viewer, service: ServiceName) -> float | None:
    began = time.monotonic()
    try:
        async with asyncio.timeout(_SOON):
            await viewer.ask(ListDeadLetters(service=service, limit=1), DeadLetterPage)
    except (HallmarkError, TimeoutError):
        return None
    return (time.monotonic() - began) * 1000


async def _letters(viewer: Viewer) -> DeadLetterPage | None:
    if not _is_operator(viewer):
        return None
    return await dead_letters_of(viewer.asking, _SERVICES, LetterState.WAITING, after=None, limit=10)
