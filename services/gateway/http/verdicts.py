"""Verdicts: what a gate said, why, and whether it would say so again."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.gate.v1.queries import ConfirmVerdict, ListVerdictKeys, ShowVerdict
from contracts.gate.v1.replays import ReplayVerdict
from services.gateway.offering import offer

router = APIRouter(tags=["verdicts"])

offer(router, "GET /projects/{project}/verdicts/{verdict_id}", ShowVerdict)
offer(router, "GET /projects/{project}/verdicts/{verdict_id}/confirmation", ConfirmVerdict)
offer(router, "GET /projects/{project}/verdicts/{verdict_id}/replay", ReplayVerdict)
offer(router, "GET /verdict-keys", ListVerdictKeys)
