"""The transparency log, as far as anybody needs it to check that nothing was changed, dropped or reordered."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.evidence.v1.queries import (
    ListLogEntries,
    ProveConsistency,
    ProveInclusion,
    ReadCheckpoint,
    ReadSigningKeys,
)
from services.gateway.offering import offer

router = APIRouter(prefix="/log", tags=["log"])

offer(router, "GET /checkpoint", ReadCheckpoint)
offer(router, "GET /inclusion", ProveInclusion)
offer(router, "GET /consistency", ProveConsistency)
offer(router, "GET /entries", ListLogEntries)
offer(router, "GET /keys", ReadSigningKeys)
