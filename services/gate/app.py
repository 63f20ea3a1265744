"""Joins the gate's parts."""

from __future__ import annotations

from collections.abc import Mapping

from services.gate.handlers import HANDLERS, commands, events, queries
from services.gate.storage.unit_of_work import INDEXES
from shared.service import Service, serve_environment

ROOMS = (commands, events, queries)
SERVICE = Service("gate", HANDLERS, INDEXES)


def run(env: Mapping[str, str]) -> None:
    """Run one gate process until SIGTERM."""
    serve_environment(SERVICE, env)
