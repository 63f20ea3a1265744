"""What somebody has to deal with, and until when."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.monitoring.v1.alerts import AcknowledgeAlert, AssignAlert, ListAlerts, ShowAlert, SnoozeAlert
from services.gateway.offering import offer
from services.gateway.risk_tables import alerts_table

router = APIRouter(tags=["alerts"])

offer(router, "GET /projects/{project}/alerts", ListAlerts, table=alerts_table)
offer(router, "GET /projects/{project}/alerts/{alert_id}", ShowAlert)
offer(router, "POST /projects/{project}/alerts/{alert_id}/acknowledge", AcknowledgeAlert)
offer(router, "POST /projects/{project}/alerts/{alert_id}/snooze", SnoozeAlert)
offer(router, "POST /projects/{project}/alerts/{alert_id}/assign", AssignAlert)
