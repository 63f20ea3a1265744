"""Freezes: when nothing enters which stages."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.promotion.v1.freezes import ApplyFreeze, ListFreezes
from services.gateway.offering import offer

router = APIRouter(tags=["freezes"])

offer(router, "GET /projects/{project}/freezes", ListFreezes)
offer(router, "PUT /projects/{project}/freezes/{freeze}", ApplyFreeze)
