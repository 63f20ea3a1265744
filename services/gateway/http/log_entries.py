"""The transparency log, as far as anybody needs it to check that nothing was changed, dropped or reordered."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.evidence.v1.log import (
    InspectLog,
    ListCheckpoints,
    ListWitnesses,
    RegisterWitness,
    RetireWitness,
    RotateSigningKey,
    SubmitCosignature,
)
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
offer(router, "GET /checkpoints", ListCheckpoints)
offer(router, "GET /inspection", InspectLog)
offer(router, "POST /keys/rotate", RotateSigningKey)
offer(router, "GET /witnesses", ListWitnesses)
offer(router, "POST /witnesses", RegisterWitness, status=201)
offer(router, "POST /witnesses/retire", RetireWitness)
offer(router, "POST /cosignatures", SubmitCosignature)
