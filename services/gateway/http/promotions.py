"""Promotions, releases, rollbacks and the approvals they wait for."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.promotion.v1.commands import CancelPromotion, DecideApproval, RequestPromotion
from contracts.promotion.v1.queries import ListPromotions, ShowPromotion
from contracts.vocabulary import PromotionKind
from services.gateway.offering import offer

router = APIRouter(tags=["promotions"])
_ALL = "/projects/{project}/promotions"
_ONE = f"{_ALL}/{{promotion_id}}"

offer(router, f"POST {_ALL}", RequestPromotion, status=202)
offer(
    router,
    "POST /projects/{project}/rollbacks",
    RequestPromotion,
    status=202,
    name="RequestRollback",
    fixed={"kind": PromotionKind.ROLLBACK},
)
offer(router, f"GET {_ALL}", ListPromotions)
offer(router, f"GET {_ONE}", ShowPromotion)
offer(router, f"POST {_ONE}/approve", DecideApproval, name="ApprovePromotion", fixed={"decision": "approved"})
offer(router, f"POST {_ONE}/reject", DecideApproval, name="RejectPromotion", fixed={"decision": "rejected"})
offer(router, f"POST {_ONE}/cancel", CancelPromotion)
