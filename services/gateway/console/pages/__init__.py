"""Pages, one module per noun: each asks the services, and hands the answers to its template."""

from fastapi import APIRouter

from services.gateway.console.pages import live, overview, signing_in

ROUTERS: tuple[APIRouter, ...] = (
    signing_in.router,
    overview.router,
    live.router,
)
