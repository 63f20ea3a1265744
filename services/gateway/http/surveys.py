"""Everything that the caller may see, over all projects at once."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.monitoring.v1.surveys import SurveyTrust
from contracts.promotion.v1.surveys import SurveyPromotions
from contracts.registry.v1.surveys import SurveyApplications
from services.gateway.offering import offer

router = APIRouter(tags=["surveys"])

offer(router, "GET /surveys/applications", SurveyApplications)
offer(router, "GET /surveys/trust", SurveyTrust)
offer(router, "GET /surveys/promotions", SurveyPromotions)
