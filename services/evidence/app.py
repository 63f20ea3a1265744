"""Joins the evidence service's parts."""

from __future__ import annotations

from collections.abc import Mapping

from services.evidence.blobs import blob_routes
from services.evidence.handlers import (
    HANDLERS,
    broken_glass,
    commands,
    events,
    inspecting,
    intake,
    passages,
    queries,
    states,
    witnessing,
)
from services.evidence.keyring import load_keyring
from services.evidence.rejudging import rejudge
from services.evidence.sequencer import sequence
from services.evidence.settings import EvidenceSettings
from services.evidence.starting import refuse_foreign_log
from services.evidence.storage.unit_of_work import INDEXES
from services.evidence.sweeping import sweep_uploads
from shared.service import Service, serve_environment

ROOMS = (broken_glass, commands, events, inspecting, intake, passages, queries, states, witnessing)
SERVICE = Service(
    "evidence",
    HANDLERS,
    INDEXES,
    duties=(sequence, rejudge, sweep_uploads),
    routes=blob_routes,
    equip=load_keyring,
    before_start=refuse_foreign_log,
    inserts_only=frozenset({"log_entries", "log_tiles", "passages", "withdrawals", "trust_root_revisions"}),
    removes=frozenset({"blob_chunks", "log_queue", "rejudgings", "uploads"}),
)


def run(env: Mapping[str, str]) -> None:
    """Run one evidence process until SIGTERM."""
    serve_environment(SERVICE, env, EvidenceSettings)
