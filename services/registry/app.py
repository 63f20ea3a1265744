"""Joins the registry's parts."""

from __future__ import annotations

from collections.abc import Mapping

from services.registry.handlers import HANDLERS, commands, drafts, intake, moving, pipelines, queries
from services.registry.storage.unit_of_work import INDEXES
from shared.gate_keys import load_gate_keys
from shared.service import Service, serve_environment

ROOMS = (commands, drafts, intake, moving, pipelines, queries)
SERVICE = Service(
    "registry",
    HANDLERS,
    INDEXES,
    equip=load_gate_keys,
    inserts_only=frozenset({"pipeline_events"}),
    removes=frozenset({"packages"}),
)


def run(env: Mapping[str, str]) -> None:
    """Run one registry process until SIGTERM."""
    serve_environment(SERVICE, env)
