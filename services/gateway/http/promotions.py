"""Promotions, releases, the ways back, and the people they wait for."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.promotion.v1.commands import CancelPromotion, DecideApproval, RequestPromotion
from contracts.promotion.v1.freezes import BreakGlass
from contracts.promotion.v1.queries import ListApprovals, ListPromotions, ShowPromotion
from contracts.vocabulary import PromotionKind
from services.gateway.offering import offer

router = APIRouter(tags=["promotions"])
_ALL = "/projects/{project}/promotions"
_ONE = f"{_ALL}/{{promotion_id}}"

offer(router, f"POST {_ALL}", RequestPromotion, status=202)
for _path, _name, _kind in (
    ("rollbacks", "RequestRollback", PromotionKind.ROLLBACK),
    ("demotions", "RequestDemotion", PromotionKind.DEMOTE),
    ("recertifications", "RequestRecertification", PromotionKind.RECERTIFY),
):
    _operation = f"POST /projects/{{project}}/{_path}"
    offer(router, _operation, RequestPromotion, status=202, name=_name, fixed={"kind": _kind})
offer(router, f"GET {_ALL}", ListPromotions)
offer(router, f"GET {_ONE}", ShowPromotion)
offer(router, "GET /approvals", ListApprovals)
offer(router, f"POST {_ONE}/approve", DecideApproval, name="ApprovePromotion", fixed={"decision": "approved"})
offer(router, f"POST {_ONE}/reject", DecideApproval, name="RejectPromotion", fixed={"decision": "rejected"})
offer(router, f"POST {_ONE}/cancel", CancelPromotion)
offer(router, f"POST {_ONE}/break-glass", BreakGlass)
