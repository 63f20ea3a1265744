"""Advisories, and how they came in."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.monitoring.v1.commands import ImportAdvisories
from contracts.monitoring.v1.feeds import (
    BeginAdvisoryImport,
    FinishAdvisoryImport,
    ListAdvisoryImports,
    ListQuarantinedAdvisories,
    QuarantineAdvisories,
)
from contracts.monitoring.v1.rematching import RequestRematch, ShowRematch
from services.gateway.offering import offer

router = APIRouter(tags=["advisories"])

offer(router, "POST /advisories", ImportAdvisories)
offer(router, "POST /advisories/rematch", RequestRematch)
offer(router, "GET /advisories/rematch", ShowRematch)
offer(router, "POST /advisories/imports", BeginAdvisoryImport)
offer(router, "POST /advisories/imports/{import_id}/finish", FinishAdvisoryImport)
offer(router, "GET /advisories/imports", ListAdvisoryImports)
offer(router, "POST /advisories/imports/{import_id}/quarantine", QuarantineAdvisories)
offer(router, "GET /advisories/quarantine", ListQuarantinedAdvisories)
