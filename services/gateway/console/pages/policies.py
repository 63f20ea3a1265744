"""Policies: what applies where, what each says, and how it came to say that."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.gate.v1.queries import ListPolicies, ListPolicyRevisions, ListSharedPolicies, ShowPolicy
from contracts.gate.v1.templates import ListTemplates, ShowTemplate, TemplatePage, TemplateView
from contracts.gate.v1.views import PolicyPage, PolicyRevision, PolicyRevisionPage, PolicyView
from contracts.registry.v1.queries import ListProjects, ShowProject
from contracts.registry.v1.views import ProjectPage, ProjectView
from contracts.vocabulary import Digest, PolicyName, ProjectName, Role
from services.gateway.auth import Here
from services.gateway.console import policy_views, rule_words
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed, Viewer
from shared.errors import NotFound

router = APIRouter()
EDITORS = (Role.SECURITY,)
_MOST = 200
"""Policies on one map: more are listed page by page."""
After = Annotated[str | None, Query(max_length=200)]
Number = Annotated[int | None, Query(ge=1)]


@router.get("/policies")
async def choose_project(request: Request, viewer: Viewed, here: Here, after: After = None) -> Response:
    """Which project's policies to look at, and those that apply in every one."""
    projects, shared = await viewer.ask_both(
        (ListProjects(after=after, limit=60), ProjectPage), (ListSharedPolicies(limit=_MOST), PolicyPage)
    )
    # They are read from any project where one is a member: to their own one belongs.
    seen_from = projects.projects[0].project if projects.projects else ""
    return page(
        request,
        "policies/choose.html",
        viewer,
        projects=projects.projects,
        more=projects.next,
        shared=[policy_views.summary(one, seen_from, here.clock()) for one in shared.policies] if seen_from else [],
    )


@router.get("/projects/{project}/policies")
async def show_policies(
    request: Request, viewer: Viewed, here: Here, project: ProjectName, after: After = None
) -> Response:
    """What judges where in a project, and all policies and templates that it has."""
    shown, own, others, templates = await asyncio.gather(
        viewer.ask(ShowProject(project=project), ProjectView),
        viewer.ask(ListPolicies(project=project, after=after, limit=_MOST), PolicyPage),
        viewer.ask(ListSharedPolicies(project=project, limit=_MOST), PolicyPage),
        viewer.ask(ListTemplates(project=project), TemplatePage),
    )
    policies, now = [*own.policies, *others.policies], here.clock()
    return page(
        request,
        "policies/list.html",
        viewer,
        project=project,
        live=f"project={project}",
        shown=shown,
        maps=policy_views.maps(shown, policies, now),
        policies=[policy_views.summary(one, project, now) for one in policies],
        more=own.next,
        templates=templates.templates,
        modes=policy_views.MODES,
        may_edit=viewer.may(project, *EDITORS),
    )


@router.get("/projects/{project}/policies/{name}")
async def show_policy(
    *,
    request: Request,
    viewer: Viewed,
    here: Here,
    project: ProjectName,
    name: PolicyName,
    digest: Annotated[Digest | None, Query()] = None,
    older: Number = None,
    newer: Number = None,
    applied: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """What a policy says, now or in an earlier revision; who changed it, and what that changed."""
    asked = ShowPolicy(project=project, digest=digest) if digest else ShowPolicy(project=project, policy=name)
    view = await viewer.ask(asked, PolicyView)
    if view.policy != name:
        raise NotFound(
            "policy_revision_foreign", f"{digest} is no revision of {name}.", remedy="Take one from its history."
        )
    own = view.project == project
    revisions = await _revisions(viewer, project, name) if own else ()
    pair = policy_views.two_revisions(revisions, older, newer)
    return page(
        request,
        "policies/show.html",
        viewer,
        project=project,
        live=f"project={project}",
        view=view,
        applied=applied,
        short=policy_views.summary(view, project, here.clock()),
        reach=policy_views.projects_in_words(view),
        rules=policy_views.rules_of(view),
        kinds=rule_words.KINDS,
        modes=policy_views.MODES,
        terms=(terms := view.document["spec"].get("waivers") or {}),
        longest=rule_words.in_words(terms.get("max_duration", "90d")),
        source=policy_views.as_yaml(view.document),
        revisions=revisions,
        current=not own or not revisions or view.digest == revisions[0].digest,
        pair=pair,
        difference=await _difference(viewer, project, pair) if pair else (),
        may_edit=own and viewer.may(project, *EDITORS),
    )


async def _revisions(viewer: Viewer, project: str, name: str) -> tuple[PolicyRevision, ...]:
    found = await viewer.ask(ListPolicyRevisions(project=project, policy=name, limit=_MOST), PolicyRevisionPage)
    return found.revisions


async def _difference(
    viewer: Viewer, project: str, pair: tuple[PolicyRevision, PolicyRevision]
) -> tuple[policy_views.Line, ...]:
    old, new = await asyncio.gather(
        *(viewer.ask(ShowPolicy(project=project, digest=one.digest), PolicyView) for one in pair)
    )
    return policy_views.difference(policy_views.as_yaml(old.document), policy_views.as_yaml(new.document))


@router.get("/projects/{project}/rule-templates/{name}")
async def show_template(request: Request, viewer: Viewed, project: ProjectName, name: PolicyName) -> Response:
    """The module of a template, and which parameters it takes."""
    view = await viewer.ask(ShowTemplate(project=project, template=name), TemplateView)
    spec = view.document["spec"]
    return page(
        request,
        "policies/template.html",
        viewer,
        project=project,
        view=view,
        module=spec["rego"],
        parameters=policy_views.as_yaml({"spec": spec.get("parameters") or {}}),
        properties=(spec.get("parameters") or {}).get("properties") or {},
        required=(spec.get("parameters") or {}).get("required") or (),
    )
