"""Joins monitoring's parts."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.evidence.v1.queries import ListComponents
from services.monitoring.feeds.duty import keep_advisories
from services.monitoring.handlers import HANDLERS, commands, events, exploitation, imports, queries
from services.monitoring.settings import MonitoringSettings
from services.monitoring.storage.unit_of_work import INDEXES
from shared.service import Service, serve_environment

ROOMS = (commands, events, exploitation, imports, queries)
SERVICE = Service("monitoring", HANDLERS, INDEXES, duties=(keep_advisories,), asks=(ListComponents,))


def run(env: Mapping[str, str]) -> None:
    """Run one monitoring process until SIGTERM."""
    serve_environment(SERVICE, env, MonitoringSettings)
