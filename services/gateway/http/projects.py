"""Projects, their lifecycles, and whose signatures they believe."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.evidence.v1.commands import ApplyTrustRoot
from contracts.evidence.v1.queries import ListTrustRoots
from contracts.registry.v1.commands import ApplyLifecycle, ApplyProject
from contracts.registry.v1.queries import ListProjects, ShowProject
from services.gateway.offering import offer

router = APIRouter(tags=["projects"])

offer(router, "GET /projects", ListProjects)
offer(router, "GET /projects/{project}", ShowProject)
offer(router, "PUT /projects/{project}", ApplyProject)
offer(router, "PUT /projects/{project}/lifecycles/{lifecycle}", ApplyLifecycle)
offer(router, "GET /projects/{project}/trust-roots", ListTrustRoots)
offer(router, "PUT /projects/{project}/trust-roots/{trust_root}", ApplyTrustRoot)
