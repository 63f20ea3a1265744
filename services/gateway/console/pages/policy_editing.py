"""Drafts of policies: written, tried on what was decided before, and put into force. What was typed is never lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.answers import Applied
from contracts.gate.v1.commands import ApplyPolicy
from contracts.gate.v1.queries import ShowPolicy
from contracts.gate.v1.replays import SimulatePolicy, Simulation
from contracts.gate.v1.views import PolicyView
from contracts.registry.v1.queries import ShowProject
from contracts.registry.v1.views import ProjectView
from contracts.vocabulary import Digest, PolicyName, ProjectName
from services.gateway.auth import Here
from services.gateway.console import policy_drafts, policy_trials, policy_views, rule_words
from services.gateway.console.pages.policies import EDITORS
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Form, Sent, Viewed, Viewer
from services.gateway.problems import status_of
from shared.clock import Clock
from shared.errors import HallmarkError, Invalid

router = APIRouter()
_PATH = "/projects/{project}/policy-draft"
_NAME: TypeAdapter[str] = TypeAdapter(PolicyName)
_AT_ONCE = 100
_PAGES = 2
"""So many verdicts are judged again before a page is shown: about a second."""


@router.get(_PATH)
async def show_editor(
    request: Request,
    viewer: Viewed,
    project: ProjectName,
    policy: Annotated[PolicyName | None, Query()] = None,
    digest: Annotated[Digest | None, Query()] = None,
) -> Response:
    """A policy as it is, or one of its earlier revisions, or the beginning of a new one, to be changed."""
    if policy or digest:
        asked = ShowPolicy(project=project, policy=None if digest else policy, digest=digest)
        text = policy_views.as_yaml((await viewer.ask(asked, PolicyView)).document)
    else:
        text = policy_trials.beginning(await viewer.ask(ShowProject(project=project), ProjectView))
    return _editor(request, viewer, project, text=text, policy=policy or "")


@router.post(_PATH)
async def use_draft(request: Request, project: ProjectName, form: Sent, here: Here) -> Response:
    """Try the draft, or put it into force."""
    viewer, text = form.viewer, form.fields.get("document", "").replace("\r\n", "\n")
    shown: dict[str, Any] = {"text": text, "policy": form.text("policy"), "days": form.text("days") or "90"}
    try:
        document = await asyncio.to_thread(policy_drafts.read_draft, text)
        if form.text("do") == "apply":
            return await _apply(form, project, document)
        trial = await _try(form, project, document, here.clock)
    except ValidationError as error:
        refused = Invalid("draft_refused", f"{error.errors()[0]['msg']}.", remedy="Correct it and send it again.")
        return _editor(request, viewer, project, **shown, problem=policy_drafts.problem_of(refused, text), status=422)
    except HallmarkError as error:
        problem = policy_drafts.problem_of(error, text)
        return _editor(request, viewer, project, **shown, problem=problem, status=status_of(error))
    return _editor(request, viewer, project, **shown, trial=trial)


async def _apply(form: Form, project: str, document: dict[str, Any]) -> Response:
    name = policy_drafts.name_of(document)
    try:
        _NAME.validate_python(name)
    except ValidationError as error:
        raise Invalid(
            "policy_malformed",
            "The policy is wrong at metadata.name: it is no name.",
            remedy="Use lower case letters, digits and dashes, 63 at most.",
        ) from error
    applied = await form.send(ApplyPolicy, Applied, project=project, policy=name, document=document)
    return RedirectResponse(f"/projects/{project}/policies/{name}?applied={applied.change}", 303)


async def _try(form: Form, project: str, document: dict[str, Any], clock: Clock) -> policy_trials.Trial:
    """The next verdicts of the past, judged again under the draft."""
    trial = policy_trials.resumed(form.fields, clock())
    for _ in range(_PAGES):
        query = SimulatePolicy(
            project=project,
            document=document,
            since=trial.until - timedelta(days=trial.days),
            until=trial.until,
            after=trial.after or None,
            limit=_AT_ONCE,
        )
        trial = trial.with_more(await form.viewer.ask(query, Simulation))
        if not trial.after:
            break
    return trial


def _editor(request: Request, viewer: Viewer, project: str, *, status: int = 200, **values: Any) -> Response:
    shown = {"problem": None, "trial": None, "days": "90"} | values
    return page(
        request,
        "policies/edit.html",
        viewer,
        project=project,
        status=status,
        kinds=rule_words.KINDS,
        modes=policy_views.MODES,
        may_apply=viewer.may(project, *EDITORS),
        spans=policy_trials.SPANS,
        **shown,
    )
