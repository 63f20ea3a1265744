"""Pages, one module per noun: each asks the services, and hands the answers to its template."""

from fastapi import APIRouter

from services.gateway.console.pages import (
    access,
    applications,
    live,
    moving,
    operations,
    overview,
    projects,
    settings,
    signing_in,
    start,
    webhooks,
)

ROUTERS: tuple[APIRouter, ...] = (
    signing_in.router,
    overview.router,
    projects.router,
    applications.router,
    moving.router,
    start.router,
    live.router,
    operations.router,
    settings.router,
    access.router,
    webhooks.router,
)
