"""What waits for the viewer: promotions that somebody has to answer for, exceptions that somebody has to decide."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.gate.v1.waivers import ListWaiverRequests, WaiverPage
from contracts.promotion.v1.queries import ListApprovals
from contracts.promotion.v1.views import ApprovalPage
from services.gateway.console.answering import told
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed

router = APIRouter()
_AT_ONCE = 25


@router.get("/approvals")
async def show_approvals(
    *,
    request: Request,
    viewer: Viewed,
    after: Annotated[str | None, Query(max_length=200)] = None,
    waiver_after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Those that end first leading, over all projects."""
    promotions, waivers = await asyncio.gather(
        told(viewer, ListApprovals(after=after, limit=_AT_ONCE), ApprovalPage),
        told(viewer, ListWaiverRequests(after=waiver_after, limit=_AT_ONCE), WaiverPage),
    )
    return page(request, "approvals.html", viewer, live="", promotions=promotions, waivers=waivers)
