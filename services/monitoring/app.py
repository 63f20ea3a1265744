"""Joins monitoring's parts."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.evidence.v1.queries import ListComponents
from services.monitoring.escalating import escalate
from services.monitoring.handlers import HANDLERS, alerts, commands, events, exploitation, queries, sla
from services.monitoring.storage.unit_of_work import INDEXES
from shared.service import Service, serve_environment

ROOMS = (alerts, commands, events, exploitation, queries, sla)
SERVICE = Service("monitoring", HANDLERS, INDEXES, duties=(escalate,), asks=(ListComponents,))


def run(env: Mapping[str, str]) -> None:
    """Run one monitoring process until SIGTERM."""
    serve_environment(SERVICE, env)
