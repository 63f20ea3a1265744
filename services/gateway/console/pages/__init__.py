"""Pages, one module per noun: each asks the services, and hands the answers to its template."""

from fastapi import APIRouter

from services.gateway.console.pages import (
    APIRouter,
)

ROUTERS: tuple[APIRouter, ...] = (
    signing_in.router,
    signing_in_by_issuer.router,
    signing_in_by_link.router,
    people.router,
    sessions.router,
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
    projects.router,
    applications.router,
    moving.router,
    start.router,
)
