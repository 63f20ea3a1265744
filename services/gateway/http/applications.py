"""Applications."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.registry.v1.commands import ApplyApplication
from contracts.registry.v1.deliveries import ListDeployments
from contracts.registry.v1.queries import ListApplications, ShowApplication
from services.gateway.offering import offer

router = APIRouter(tags=["applications"])

offer(router, "GET /projects/{project}/applications", ListApplications)
offer(router, "GET /projects/{project}/applications/{application}", ShowApplication)
offer(router, "PUT /projects/{project}/applications/{application}", ApplyApplication)
offer(router, "GET /projects/{project}/applications/{application}/deployments", ListDeployments)
