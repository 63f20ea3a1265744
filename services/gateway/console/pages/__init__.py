"""Pages, one module per noun: each asks the services, and hands the answers to its template."""

from fastapi import APIRouter

from services.gateway.console.pages import (
    access,
    alerts,
    insights,
    live,
    operations,
    overview,
    risk,
    settings,
    signing_in,
    trust,
    webhooks,
)

ROUTERS: tuple[APIRouter, ...] = (
    signing_in.router,
    overview.router,
    live.router,
    operations.router,
    settings.router,
    access.router,
    webhooks.router,
    risk.router,
    alerts.router,
    trust.router,
    insights.router,
)
