"""Pages, one module per noun: each asks the services, and hands the answers to its template."""

from fastapi import APIRouter

from services.gateway.console.pages import (
    access,
    live,
    log,
    log_states,
    operations,
    overview,
    policies,
    policy_editing,
    settings,
    signing_in,
    waiver_lists,
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
    log_states.router,  # Before the entries: their path would take `checkpoints` for an entry's number.
    log.router,
    policies.router,
    policy_editing.router,
    waiver_lists.router,
)
