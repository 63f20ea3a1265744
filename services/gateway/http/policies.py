"""Policies, the templates of their rules, and what a draft would have changed."""

from __future__ import annotations

from fastapi import APIRouter

from contracts.gate.v1.commands import ApplyPolicy
from contracts.gate.v1.queries import ListPolicies, ListPolicyRevisions, ListSharedPolicies, ShowPolicy
from contracts.gate.v1.replays import SimulatePolicy
from contracts.gate.v1.templates import ApplyTemplate, ListTemplates, ShowTemplate
from services.gateway.offering import offer

router = APIRouter(tags=["policies"])
_NOT_HERE = None

offer(router, "GET /projects/{project}/policies", ListPolicies)
offer(router, "GET /projects/{project}/policies/{policy}", ShowPolicy, fixed={"digest": _NOT_HERE})
offer(router, "GET /projects/{project}/policies/{policy}/revisions", ListPolicyRevisions)
offer(router, "PUT /projects/{project}/policies/{policy}", ApplyPolicy)
offer(
    router,
    "GET /projects/{project}/policy-revisions/{digest}",
    ShowPolicy,
    name="ShowPolicyRevision",
    fixed={"policy": _NOT_HERE},
)
offer(router, "GET /shared-policies", ListSharedPolicies)
offer(router, "GET /projects/{project}/rule-templates", ListTemplates)
offer(router, "GET /projects/{project}/rule-templates/{template}", ShowTemplate)
offer(router, "PUT /projects/{project}/rule-templates/{template}", ApplyTemplate)
offer(router, "POST /projects/{project}/policy-simulations", SimulatePolicy)
