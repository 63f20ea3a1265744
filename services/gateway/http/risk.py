"""Releases at risk."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.monitoring.v1.queries import ListRisk
from contracts.monitoring.v1.undecided import ListUndecided
from services.gateway.offering import offer

router = APIRouter(tags=["risk"])

offer(router, "GET /projects/{project}/risk", ListRisk)
offer(router, "GET /projects/{project}/applications/{application}/versions/{version}/undecided", ListUndecided)
