"""Waivers: asked for, granted or refused, revoked."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.gate.v1.waivers import (
    DecideWaiver,
    ListStandingWaivers,
    ListWaiverRequests,
    ListWaivers,
    RequestWaiver,
    RevokeWaiver,
    ShowWaiver,
)
from services.gateway.offering import offer

router = APIRouter(tags=["waivers"])
_ALL = "/projects/{project}/waivers"
_ONE = f"{_ALL}/{{waiver_id}}"

offer(router, f"POST {_ALL}", RequestWaiver, status=201)
offer(router, f"GET {_ALL}", ListWaivers)
offer(router, "GET /standing-waivers", ListStandingWaivers)
offer(router, f"GET {_ONE}", ShowWaiver)
offer(router, "GET /waiver-requests", ListWaiverRequests)
offer(router, f"POST {_ONE}/grant", DecideWaiver, name="GrantWaiver", fixed={"decision": "granted"})
offer(router, f"POST {_ONE}/refuse", DecideWaiver, name="RefuseWaiver", fixed={"decision": "refused"})
offer(router, f"POST {_ONE}/revoke", RevokeWaiver)
