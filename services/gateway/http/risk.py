"""Releases at risk, how far a flaw reaches, what to fix first, and where what runs is not what should."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.monitoring.v1.exposure import PlanRemediation, ShowExposure
from contracts.monitoring.v1.outlook import ShowRiskOutlook, SurveyRisk
from contracts.monitoring.v1.queries import ListRisk
from contracts.monitoring.v1.running import ListDrift, ListRunning
from contracts.monitoring.v1.undecided import ListUndecided
from services.gateway.offering import offer
from services.gateway.risk_tables import drift_table, exposure_table, remediation_table

router = APIRouter(tags=["risk"])

offer(router, "GET /risk", SurveyRisk)
offer(router, "GET /projects/{project}/risk", ListRisk)
offer(router, "GET /projects/{project}/risk/outlook", ShowRiskOutlook)
offer(router, "GET /projects/{project}/applications/{application}/versions/{version}/undecided", ListUndecided)
offer(router, "GET /exposure", ShowExposure, table=exposure_table)
offer(router, "GET /projects/{project}/remediation", PlanRemediation, table=remediation_table)
offer(router, "GET /projects/{project}/running", ListRunning)
offer(router, "GET /projects/{project}/drift", ListDrift, table=drift_table)
