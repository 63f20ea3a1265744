"""Advisories."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.monitoring.v1.commands import ImportAdvisories
from contracts.monitoring.v1.rematching import RequestRematch, ShowRematch
from services.gateway.offering import offer

router = APIRouter(tags=["advisories"])

offer(router, "POST /advisories", ImportAdvisories)
offer(router, "POST /advisories/rematch", RequestRematch)
offer(router, "GET /advisories/rematch", ShowRematch)
