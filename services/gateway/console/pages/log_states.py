"""Signed states of the log: who saw them, and whether a later one holds all of an earlier one."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from contracts.evidence.v1.log import CheckpointPage, ListCheckpoints, ListWitnesses, SignedState, Witnesses
from contracts.evidence.v1.queries import ProveConsistency, ReadCheckpoint, ReadSigningKeys
from contracts.evidence.v1.views import Checkpoint, ConsistencyProof, SigningKeys
from services.gateway.auth import Here
from services.gateway.console import log_views
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed, Viewer
from shared.errors import NotFound

router = APIRouter()
_PER_PAGE = 25
Size = Annotated[int, Query(ge=1, lt=2**53)]


@router.get("/log/checkpoints")
async def show_checkpoints(
    request: Request, viewer: Viewed, here: Here, before: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """The newest state, who watches, which keys sign, and all earlier states."""
    listed = ListCheckpoints(newest_first=True, before=before, limit=_PER_PAGE)
    newest, states, witnesses, keys = await asyncio.gather(
        viewer.ask(ReadCheckpoint(), Checkpoint),
        viewer.ask(listed, CheckpointPage),
        viewer.ask(ListWitnesses(), Witnesses),
        viewer.ask(ReadSigningKeys(), SigningKeys),
    )
    return page(
        request,
        "log/checkpoints.html",
        viewer,
        newest=newest,
        states=states.checkpoints,
        more=states.next,
        before=before,
        watching=log_views.watching(witnesses, newest.size, here.clock()),
        quorum=witnesses.quorum,
        keys=tuple(reversed(keys.published_keys)),
    )


@router.get("/log/checkpoints.json")
async def give_checkpoint(viewer: Viewed) -> Response:
    """The newest state with its keys and witnesses, for the browser to check and to remember."""
    newest, witnesses = await asyncio.gather(
        viewer.ask(ReadCheckpoint(), Checkpoint), viewer.ask(ListWitnesses(), Witnesses)
    )
    lines = [one.verifier_key for one in witnesses.witnesses if one.retired_at is None]
    return JSONResponse({"size": newest.size, "note": newest.note, "keys": newest.verifier_keys, "witnesses": lines})


@router.get("/log/consistency")
async def show_consistency(request: Request, viewer: Viewed, first: Size, second: Size) -> Response:
    """Two states, for the browser to check that the later one only added to the earlier one."""
    one, other = await asyncio.gather(*(_state(viewer, size) for size in sorted((first, second))))
    return page(request, "log/consistency.html", viewer, first=one, second=other)


@router.get("/log/consistency.json")
async def prove_consistency(viewer: Viewed, first: Size, second: Size) -> Response:
    """What a browser needs to compute both roots."""
    one, other, proof, keys = await asyncio.gather(
        _state(viewer, first),
        _state(viewer, second),
        viewer.ask(ProveConsistency(first=first, second=second), ConsistencyProof),
        viewer.ask(ReadSigningKeys(), SigningKeys),
    )
    states = [
        {"size": one.size, "note": one.note, "keys": log_views.keys_at(keys.published_keys, one.size)}
        for one in (one, other)
    ]
    return JSONResponse({"first": states[0], "second": states[1], "hashes": proof.hashes})


async def _state(viewer: Viewer, size: int) -> SignedState:
    found = await viewer.ask(ListCheckpoints(after=size - 1, limit=1), CheckpointPage)
    if not found.checkpoints or found.checkpoints[0].size != size:
        raise NotFound(
            "checkpoint_unknown", f"The log has signed no state of size {size}.", remedy="Choose one from the list."
        )
    return found.checkpoints[0]
