"""Until when flaws must be gone."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.monitoring.v1.sla import ApplySlaTable, ListSlaTables, ShowSlaTable
from services.gateway.offering import offer

router = APIRouter(tags=["sla"])

offer(router, "GET /sla", ListSlaTables)
offer(router, "GET /projects/{project}/sla", ShowSlaTable)
offer(router, "PUT /projects/{project}/sla", ApplySlaTable)
