"""Metrics of delivery, flow and coverage: as JSON, or as CSV for spreadsheets."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.monitoring.v1.metrics import ShowCoverage, ShowDelivery, ShowFlow
from contracts.monitoring.v1.queries import ShowMetrics
from services.gateway.metric_tables import coverage_table, delivery_table, flow_table
from services.gateway.offering import offer

router = APIRouter(tags=["metrics"])
_METRICS = "/projects/{project}/metrics"
_ALL = {"project": None, "application": None}

offer(router, f"GET {_METRICS}", ShowMetrics)
offer(router, f"GET {_METRICS}/delivery", ShowDelivery, table=delivery_table)
offer(router, f"GET {_METRICS}/flow", ShowFlow, table=flow_table)
offer(router, f"GET {_METRICS}/coverage", ShowCoverage, table=coverage_table)
offer(router, "GET /metrics/delivery", ShowDelivery, name="ShowDeliveryOfAll", fixed=_ALL, table=delivery_table)
offer(router, "GET /metrics/flow", ShowFlow, name="ShowFlowOfAll", fixed=_ALL, table=flow_table)
