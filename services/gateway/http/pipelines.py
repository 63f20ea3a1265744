"""Which pipelines may act, by the ID tokens of their runs."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.registry.v1.pipelines import (
    ApplyPipelineIdentity,
    ListPipelineIdentities,
    ShowPipelineIdentity,
    WithdrawPipelineIdentity,
)
from services.gateway.offering import offer

router = APIRouter(tags=["pipelines"])
_ALL = "/projects/{project}/pipeline-identities"
_ONE = f"{_ALL}/{{pipeline_identity}}"

offer(router, f"GET {_ALL}", ListPipelineIdentities)
offer(router, f"GET {_ONE}", ShowPipelineIdentity)
offer(router, f"PUT {_ONE}", ApplyPipelineIdentity)
offer(router, f"DELETE {_ONE}", WithdrawPipelineIdentity)
