"""Joins the gate's parts."""

from __future__ import annotations

from collections.abc import Mapping

from services.gate.announcing import announce_key
from services.gate.equipment import end_equipment, load_equipment
from services.gate.handlers import HANDLERS, commands, events, policies, queries, rejudging, replays, waivers
from services.gate.looking import look_again
from services.gate.storage.unit_of_work import INDEXES
from shared.service import Service, serve_environment

ROOMS = (commands, events, policies, queries, rejudging, replays, waivers)
SERVICE = Service(
    "gate",
    HANDLERS,
    INDEXES,
    duties=(announce_key, look_again),
    equip=load_equipment,
    give_back=end_equipment,
    inserts_only=frozenset({"policy_revisions", "signing_keys", "waiver_uses"}),
    removes=frozenset({"readiness_marks"}),
)


def run(env: Mapping[str, str]) -> None:
    """Run one gate process until SIGTERM."""
    serve_environment(SERVICE, env)
