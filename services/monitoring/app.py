"""Joins monitoring's parts."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.evidence.v1.queries import ListComponents
from services.monitoring.escalating import escalate
from services.monitoring.feeds.duty import keep_advisories
from services.monitoring.flowing import count_flow
from services.monitoring.gauges import keep_gauges
from services.monitoring.handlers import (
    HANDLERS,
    alerts,
    commands,
    drift,
    events,
    exploitation,
    exposure,
    flow,
    imports,
    matching,
    metrics,
    outlook,
    queries,
    rejudging,
    remediation,
    running,
    sla,
    surveys,
    waivers,
)
from services.monitoring.rematching import rematch
from services.monitoring.settings import MonitoringSettings
from services.monitoring.storage.unit_of_work import INDEXES
from shared.service import Service, serve_environment

ROOMS = (
    alerts,
    commands,
    drift,
    events,
    exploitation,
    exposure,
    flow,
    imports,
    matching,
    metrics,
    outlook,
    queries,
    rejudging,
    remediation,
    running,
    sla,
    surveys,
    waivers,
)
DUTIES = (count_flow, escalate, keep_advisories, keep_gauges, rematch)
SERVICE = Service(
    "monitoring",
    HANDLERS,
    INDEXES,
    duties=DUTIES,
    asks=(ListComponents,),
    removes=frozenset({"advisory_batches", "advisory_quarantine", "drifts", "running", "undecided"}),
)


def run(env: Mapping[str, str]) -> None:
    """Run one monitoring process until SIGTERM."""
    serve_environment(SERVICE, env, MonitoringSettings)
