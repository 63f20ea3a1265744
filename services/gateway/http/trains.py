"""Trains: versions of several applications that move together, all of them or none."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.promotion.v1.trains import RequestTrain, ShowTrain
from services.gateway.offering import offer

router = APIRouter(tags=["promotions"])

offer(router, "POST /projects/{project}/trains", RequestTrain, status=202)
offer(router, "GET /projects/{project}/trains/{train_id}", ShowTrain)
