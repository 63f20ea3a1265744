"""The audit log: looking for entries, and one entry with all that proves it to be there."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from contracts.evidence.v1.queries import ListLogEntries, ProveInclusion, ReadCheckpoint
from contracts.evidence.v1.views import Checkpoint, InclusionProof, LoggedEntry, LogPage
from services.gateway.console import log_views
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed, Viewer
from shared.errors import NotFound

router = APIRouter()
_PER_PAGE = 50
Place = Annotated[int, Path(ge=0, lt=2**53)]
Word = Annotated[str, Query(max_length=200)]


@router.get("/log")
async def show_log(
    *,
    request: Request,
    viewer: Viewed,
    about: Word = "",
    kind: Word = "",
    project: Word = "",
    since: Word = "",
    until: Word = "",
    before: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """What was logged, the newest first, and the state of the log."""
    wanted = {name: value.strip() for name, value in _named(about, kind, project, since, until).items()}
    if wanted["about"].isdecimal() and len(wanted["about"]) <= len(str(2**53)):
        return RedirectResponse(f"/log/{int(wanted['about'])}", 303)
    query = ListLogEntries(
        about=wanted["about"] or None,
        kind=wanted["kind"] or None,
        project=wanted["project"] or None,
        since=log_views.day(wanted["since"]),
        until=log_views.day(wanted["until"], after=True),
        newest_first=True,
        before=before,
        limit=_PER_PAGE,
    )
    found, state = await asyncio.gather(viewer.ask(query, LogPage), viewer.ask(ReadCheckpoint(), Checkpoint))
    # What is looked for stays as it was found; the newest entries come by themselves.
    live: dict[str, Any] = {"live": ""} if before is None and not any(wanted.values()) else {}
    return page(
        request,
        "log/search.html",
        viewer,
        **live,
        entries=[log_views.said(one) for one in found.entries],
        more=found.next,
        state=state,
        wanted=wanted,
        kinds=log_views.KINDS,
        before=before,
    )


@router.get("/log/{index}")
async def show_entry(request: Request, viewer: Viewed, index: Place) -> Response:
    """One entry in words, its bytes, and its proof for the browser to check."""
    entry = await _entry(viewer, index)
    proof = await viewer.ask(ProveInclusion(index=index), InclusionProof)
    return page(request, "log/entry.html", viewer, entry=log_views.said(entry), proof=proof)


@router.get("/log/{index}/proof.json")
async def prove_entry(viewer: Viewed, index: Place) -> Response:
    """What a browser needs to compute the log's root from the entry."""
    entry = await _entry(viewer, index)
    proof = await viewer.ask(ProveInclusion(index=index), InclusionProof)
    return JSONResponse(
        {
            "index": index,
            "entry": entry.entry,
            "size": proof.size,
            "hashes": proof.hashes,
            "note": proof.checkpoint.note,
            "keys": proof.checkpoint.verifier_keys,
        }
    )


async def _entry(viewer: Viewer, index: int) -> LoggedEntry:
    found = await viewer.ask(ListLogEntries(after=index - 1, limit=1), LogPage)
    if not found.entries or found.entries[0].index != index:
        raise NotFound("log_entry_unknown", f"The log has no entry {index} yet.", remedy="Look at the newest entries.")
    return found.entries[0]


def _named(about: str, kind: str, project: str, since: str, until: str) -> dict[str, str]:
    return {"about": about, "kind": kind, "project": project, "since": since, "until": until}
