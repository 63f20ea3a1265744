"""The guide from an empty installation to a first gated promotion, and the sample project."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.answers import Applied
from contracts.evidence.v1.commands import ApplyTrustRoot
from contracts.evidence.v1.queries import ListEvidence, ListTrustRoots
from contracts.evidence.v1.views import EvidencePage, EvidenceView, TrustRoots
from contracts.gate.v1.commands import ApplyPolicy
from contracts.gate.v1.queries import ListPolicies
from contracts.gate.v1.views import PolicyPage
from contracts.promotion.v1.queries import ListPromotions
from contracts.promotion.v1.views import PromotionPage
from contracts.registry.v1.commands import ApplyApplication, ApplyLifecycle, ApplyProject
from contracts.registry.v1.queries import ListApplications, ListProjects, ListVersions, ShowProject, ShowVersion
from contracts.registry.v1.views import ApplicationPage, ProjectPage, ProjectView, VersionPage, VersionView
from contracts.vocabulary import ProjectName, PromotionState, Role
from services.gateway.auth import Here
from services.gateway.console import form_texts, sampling, start_views
from services.gateway.console.pages.applications import register
from services.gateway.console.pages.evidence import hand_in
from services.gateway.console.rendering import page
from services.gateway.console.sample_evidence import TEST_RESULT
from services.gateway.console.samples import PROJECT, first_policy, first_policy_text
from services.gateway.console.viewing import Sent, Viewed, Viewer
from shared.errors import Conflict, NotFound
from shared.identity import EVERYWHERE

router = APIRouter()


@router.get("/start")
async def show_start(
    request: Request, viewer: Viewed, project: Annotated[str | None, Query(max_length=63)] = None
) -> Response:
    """Which steps are done, and the next one. An empty `project` begins another one."""
    listed = await viewer.ask(ListProjects(limit=2), ProjectPage)
    chosen = start_views.first_own(listed.projects, PROJECT) if project is None else project
    found = await _found(viewer, chosen) if chosen else start_views.Found()
    version, evidence = await _about(viewer, found)
    found = replace(found, evidence=evidence)
    guarded = found.guarded
    return page(
        request,
        "start/show.html",
        viewer,
        project=found.project.project if found.project else "",
        live=f"project={chosen}" if found.project else "",
        found=found,
        version=version,
        steps=start_views.steps(found),
        policy=first_policy_text(chosen, guarded.name) if guarded else "",
        next_path=start_views.next_path(found),
        may_begin=viewer.may(EVERYWHERE, Role.ADMIN),
        may_set_up=bool(chosen) and viewer.may(chosen, Role.ADMIN),
        sample=PROJECT,
        sample_loaded=await sampling.is_loaded(viewer) if viewer.may(EVERYWHERE, Role.ADMIN) else True,
    )


@router.post("/start/project")
async def create_project(form: Sent) -> Response:
    """Step 1. A project that is there already is not changed by mistake."""
    name = form.needed("project", "The name")
    stages = form_texts.stages(form.needed("stages", "The stages"))
    await _refuse_taken(form.viewer, name)
    await form.send(ApplyProject, Applied, project=name, title=form.text("title"))
    lifecycle = {"project": name, "lifecycle": "default", "stages": stages}
    await form.send(ApplyLifecycle, Applied, command_id=f"{form.command_id}-lifecycle", **lifecycle)
    return _on(name, "application")


@router.post("/start/application")
async def create_application(form: Sent) -> Response:
    """Step 2."""
    project = form.needed("project", "The project")
    known = await form.viewer.ask(ShowProject(project=project), ProjectView)
    await form.send(
        ApplyApplication,
        Applied,
        project=project,
        application=form.needed("application", "The name"),
        title=form.text("title"),
        criticality=form.text("criticality") or "unspecified",
        owners=form_texts.lines(form.text("owners")),
        lifecycle=known.lifecycles[0].lifecycle if known.lifecycles else "default",
    )
    return _on(project, "policy")


@router.post("/start/policy")
async def apply_policy(form: Sent) -> Response:
    """Step 3."""
    project, stage = form.needed("project", "The project"), form.needed("stage", "The stage")
    document = first_policy(project, stage)
    policy = document["metadata"]["name"]
    await form.send(ApplyPolicy, Applied, project=project, policy=policy, document=document)
    return _on(project, "version")


@router.post("/start/version")
async def create_version(form: Sent) -> Response:
    """Step 4."""
    project = form.needed("project", "The project")
    await register(form, project, form.needed("application", "The application"))
    return _on(project, "promotion")


@router.post("/start/trust-root")
async def believe(form: Sent) -> Response:
    """Step 5, before anything else: whose signatures count."""
    project = form.needed("project", "The project")
    await form.send(
        ApplyTrustRoot,
        Applied,
        project=project,
        trust_root="test",
        keys=(form.needed("key", "The public key"),),
        predicate_types=(TEST_RESULT,),
        role="test",
    )
    return _on(project, "promotion")


@router.post("/start/evidence")
async def send_evidence(form: Sent) -> Response:
    """Step 5: an envelope that was signed elsewhere."""
    project = form.needed("project", "The project")
    await hand_in(form, project, form.needed("application", "The application"))
    return _on(project, "promotion")


@router.post("/start/sample")
async def load_sample(form: Sent, here: Here) -> Response:
    """Load the sample project."""
    form.viewer.caller.require(EVERYWHERE, Role.ADMIN)
    await sampling.load(form, here.clock())
    return RedirectResponse(f"/projects/{PROJECT}", 303)


def _on(project: ProjectName, step: str) -> Response:
    return RedirectResponse(start_views.path(project, step), 303)


async def _refuse_taken(viewer: Viewer, name: str) -> None:
    try:
        await viewer.ask(ShowProject(project=name), ProjectView)
    except NotFound:
        return
    raise Conflict("project_exists", f"There is a project {name} already.", remedy="Choose another name.")


async def _found(viewer: Viewer, project: str) -> start_views.Found:
    try:
        shown = await viewer.ask(ShowProject(project=project), ProjectView)
    except NotFound:
        return start_views.Found()
    applications, policies, roots = await asyncio.gather(
        viewer.ask(ListApplications(project=project, limit=1), ApplicationPage),
        viewer.ask(ListPolicies(project=project, limit=1), PolicyPage),
        viewer.ask(ListTrustRoots(project=project), TrustRoots),
    )
    found = start_views.Found(shown, policies=bool(policies.policies), believed=bool(roots.trust_roots))
    if not applications.applications:
        return found
    application = applications.applications[0]
    named = {"project": project, "application": application.application}
    versions, promotions = await asyncio.gather(
        viewer.ask(ListVersions(**named, limit=1), VersionPage),
        viewer.ask(ListPromotions(**named, state=PromotionState.COMPLETED, limit=20), PromotionPage),
    )
    return replace(
        found,
        application=application,
        version=versions.versions[0] if versions.versions else None,
        promotions=promotions.promotions,
    )


async def _about(viewer: Viewer, found: start_views.Found) -> tuple[VersionView | None, tuple[EvidenceView, ...]]:
    """The version that is followed, and the newest evidence about it."""
    if found.application is None or found.version is None:
        return None, ()
    named = {"project": found.application.project, "application": found.application.application}
    version = await viewer.ask(ShowVersion(**named, version=found.version.version), VersionView)
    subjects = (version.digest, *(artifact.digest for artifact in version.artifacts[:100]))
    wanted = ListEvidence(project=version.project, subjects=subjects, limit=20)
    return version, (await viewer.ask(wanted, EvidencePage)).evidence
