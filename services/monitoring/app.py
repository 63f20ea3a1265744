"""Joins monitoring's parts."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.evidence.v1.queries import ListComponents
from services.monitoring.gauges import keep_gauges
from services.monitoring.handlers import HANDLERS, commands, events, exploitation, flow, metrics, queries
from services.monitoring.storage.unit_of_work import INDEXES
from shared.service import Service, serve_environment

ROOMS = (commands, events, exploitation, flow, metrics, queries)
SERVICE = Service("monitoring", HANDLERS, INDEXES, duties=(keep_gauges,), asks=(ListComponents,))


def run(env: Mapping[str, str]) -> None:
    """Run one monitoring process until SIGTERM."""
    serve_environment(SERVICE, env)
