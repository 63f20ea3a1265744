"""What is set up: projects, their lifecycles and trust roots, and which pipelines act."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.answers import Applied
from contracts.evidence.v1.commands import ApplyTrustRoot
from contracts.evidence.v1.queries import ListTrustRoots
from contracts.evidence.v1.views import TrustRoots
from contracts.registry.v1.commands import ApplyLifecycle, ApplyProject
from contracts.registry.v1.pipelines import ListPipelineIdentities, PipelineIdentityPage, WithdrawPipelineIdentity
from contracts.registry.v1.queries import ListProjects, ShowProject
from contracts.registry.v1.views import ProjectPage, ProjectView
from contracts.vocabulary import ActorKind, GateKind, LifecycleName, ProjectName, Role, TrustRootName
from services.gateway.console.rendering import page
from services.gateway.console.settings_forms import lines, moment, pem_blocks, stages
from services.gateway.console.viewing import Sent, Viewed
from shared.errors import NotFound
from shared.identity import EVERYWHERE

router = APIRouter()
_OF_PROJECT = "/projects/{project}/settings"


@router.get("/settings")
async def show_settings(
    request: Request, viewer: Viewed, after: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """All projects, and what concerns all of them."""
    found = await viewer.ask(ListProjects(after=after, limit=100), ProjectPage)
    everywhere = viewer.may(EVERYWHERE, Role.ADMIN)
    return page(request, "settings/all.html", viewer, projects=found.projects, next=found.next, everywhere=everywhere)


@router.post("/settings/projects")
async def create_project(form: Sent) -> Response:
    """Create a project."""
    name = form.needed("project", "The name")
    await form.send(ApplyProject, Applied, project=name, title=form.text("title"))
    return RedirectResponse(f"/projects/{name}/settings", 303)


@router.get(_OF_PROJECT)
async def show_project_settings(request: Request, viewer: Viewed, project: ProjectName) -> Response:
    """How one project is set up."""
    shown, roots, pipelines = await asyncio.gather(
        viewer.ask(ShowProject(project=project), ProjectView),
        viewer.ask(ListTrustRoots(project=project), TrustRoots),
        viewer.ask(ListPipelineIdentities(project=project), PipelineIdentityPage),
    )
    return page(
        request,
        "settings/project.html",
        viewer,
        project=project,
        shown=shown,
        roots=roots.trust_roots,
        pipelines=pipelines.pipeline_identities,
        admin=viewer.may(project, Role.ADMIN),
        security=viewer.may(project, Role.SECURITY),
    )


@router.post(_OF_PROJECT)
async def change_project(form: Sent, project: ProjectName) -> Response:
    """Change what is said about a project."""
    badges = "public_badges" in form.fields
    await form.send(ApplyProject, Applied, project=project, title=form.text("title"), public_badges=badges)
    return RedirectResponse(f"/projects/{project}/settings", 303)


@router.get(f"{_OF_PROJECT}/lifecycles/{{lifecycle}}")
async def edit_lifecycle(request: Request, viewer: Viewed, project: ProjectName, lifecycle: LifecycleName) -> Response:
    """The stages of a lifecycle, to be changed; of one that does not exist yet, to be written."""
    shown = await viewer.ask(ShowProject(project=project), ProjectView)
    known = next((one.stages for one in shown.lifecycles if one.lifecycle == lifecycle), ())
    return page(
        request,
        "settings/lifecycle.html",
        viewer,
        project=project,
        lifecycle=lifecycle,
        stages=known,
        gates=list(GateKind),
        kinds=list(ActorKind),
        admin=viewer.may(project, Role.ADMIN),
    )


@router.get(f"{_OF_PROJECT}/lifecycles")
async def name_lifecycle(project: ProjectName, lifecycle: Annotated[LifecycleName, Query()]) -> Response:
    """To the page on which the lifecycle of that name is written."""
    return RedirectResponse(f"/projects/{project}/settings/lifecycles/{lifecycle}", 303)


@router.post(f"{_OF_PROJECT}/lifecycles/{{lifecycle}}")
async def change_lifecycle(form: Sent, project: ProjectName, lifecycle: LifecycleName) -> Response:
    """Define the stages of a lifecycle."""
    wanted = stages(form.fields, form.several)
    await form.send(ApplyLifecycle, Applied, project=project, lifecycle=lifecycle, stages=wanted)
    return RedirectResponse(f"/projects/{project}/settings", 303)


@router.get(f"{_OF_PROJECT}/trust-roots/{{trust_root}}")
async def show_trust_root(
    request: Request, viewer: Viewed, project: ProjectName, trust_root: TrustRootName
) -> Response:
    """Whose signatures are believed, about what, from when until when."""
    found = await viewer.ask(ListTrustRoots(project=project), TrustRoots)
    known = next((one for one in found.trust_roots if one.trust_root == trust_root), None)
    if known is None:
        raise NotFound("trust_root_unknown", f"{project} has no trust root {trust_root}.", remedy="See its settings.")
    own = known.project == project and viewer.may(project, Role.SECURITY)
    return page(request, "settings/trust_root.html", viewer, project=project, root=known, may_distrust=own)


@router.post(f"{_OF_PROJECT}/trust-roots")
async def add_trust_root(form: Sent, project: ProjectName) -> Response:
    """Believe somebody's keys."""
    name = form.needed("trust_root", "The name")
    await form.send(
        ApplyTrustRoot,
        Applied,
        project=project,
        trust_root=name,
        keys=pem_blocks(form.text("keys")),
        predicate_types=lines(form.text("predicate_types")),
        role=form.text("role"),
        threshold=form.text("threshold") or 1,
    )
    return RedirectResponse(f"/projects/{project}/settings/trust-roots/{name}", 303)


@router.post(f"{_OF_PROJECT}/trust-roots/{{trust_root}}/distrust")
async def distrust(form: Sent, project: ProjectName, trust_root: TrustRootName) -> Response:
    """Let signatures received after a moment not count; everything else about the root stays as it is."""
    found = await form.viewer.ask(ListTrustRoots(project=project), TrustRoots)
    known = next(one for one in found.trust_roots if (one.project, one.trust_root) == (project, trust_root))
    after = moment(form.text("distrust_after"), "The time")
    as_it_is = {
        name: getattr(known, name)
        for name in ("keys", "authority", "identities", "shared", "predicate_types", "role", "valid_from", "threshold")
    }
    await form.send(ApplyTrustRoot, Applied, project=project, trust_root=trust_root, **as_it_is, distrust_after=after)
    return RedirectResponse(f"/projects/{project}/settings/trust-roots/{trust_root}", 303)


@router.post(f"{_OF_PROJECT}/pipeline-identities/{{name}}/withdraw")
async def withdraw_pipeline(form: Sent, project: ProjectName, name: str) -> Response:
    """Let no run act by this rule any more."""
    await form.send(WithdrawPipelineIdentity, Applied, project=project, pipeline_identity=name)
    return RedirectResponse(f"/projects/{project}/settings", 303)
