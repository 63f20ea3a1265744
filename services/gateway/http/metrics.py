"""Delivery metrics."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.monitoring.v1.queries import ShowMetrics
from services.gateway.offering import offer

router = APIRouter(tags=["metrics"])

offer(router, "GET /projects/{project}/metrics", ShowMetrics)
