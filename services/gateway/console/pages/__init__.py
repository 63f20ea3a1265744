"""Pages, one module per noun: each asks the services, and hands the answers to its template."""

from fastapi import APIRouter

from services.gateway.console.pages import (
    access,
    approvals,
    contents,
    evidence,
    live,
    operations,
    overview,
    promotions,
    settings,
    signing_in,
    verdicts,
    versions,
    waivers,
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
    versions.router,
    contents.router,
    evidence.router,
    verdicts.router,
    waivers.router,
    promotions.router,
    approvals.router,
)
