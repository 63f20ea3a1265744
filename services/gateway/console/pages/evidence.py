"""One piece of evidence: what it says, who signed it, what it counts for, and the bytes as they were handed in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.evidence.v1.commands import Receipt, SubmitEvidence
from contracts.evidence.v1.queries import ShowEvidence
from contracts.evidence.v1.views import EvidenceView
from contracts.vocabulary import ApplicationName, ProjectName, Role, VersionName
from services.gateway import links
from services.gateway.auth import Here
from services.gateway.console import evidence_views
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Form, Sent, Viewed
from services.gateway.http.evidence import inline_text, read_envelope
from shared.errors import Invalid

router = APIRouter()
_ONE = "/projects/{project}/evidence/{evidence_id}"
_OF_VERSION = "/projects/{project}/applications/{application}/versions/{version}/evidence"
SENDERS = (Role.CONTRIBUTOR, Role.SECURITY, Role.RELEASE_MANAGER)
"""Who may hand evidence in, as far as roles tell."""
_MOST_ENVELOPE = 2**20
"""Bytes of an envelope that forms read; what is larger than a message is refused anyway."""


@router.get(_ONE)
async def show_evidence(request: Request, viewer: Viewed, project: ProjectName, evidence_id: str) -> Response:
    """What it says and whether it counts."""
    found = await viewer.ask(ShowEvidence(project=project, evidence_id=evidence_id), EvidenceView)
    return page(
        request,
        "evidence/show.html",
        viewer,
        project=project,
        live=f"project={project}",
        view=found,
        item=found.item,
        title=evidence_views.title(found.item),
        standing=evidence_views.standing(found.item),
        counts=evidence_views.counts,
        standing_of=evidence_views.standing,
        summary=evidence_views.summary(found.item.facts),
    )


@router.get(f"{_ONE}/raw")
async def show_raw(request: Request, viewer: Viewed, here: Here, project: ProjectName, evidence_id: str) -> Response:
    """The statement inside, as text."""
    found = await viewer.ask(ShowEvidence(project=project, evidence_id=evidence_id), EvidenceView)
    opened = None
    if found.size <= evidence_views.LARGEST_OPENED:
        content = await here.blobs.get(project, found.item.content_digest, viewer.asking.actor_token())
        opened = evidence_views.opened(content)
    title = evidence_views.title(found.item)
    values: dict[str, Any] = {"view": found, "item": found.item, "opened": opened}
    return page(request, "evidence/raw.html", viewer, project=project, title=title, **values)


@router.get(f"{_ONE}/envelope")
async def download_envelope(viewer: Viewed, here: Here, project: ProjectName, evidence_id: str) -> Response:
    """The envelope exactly as it was handed in, to keep: never shown as a page."""
    answer = await read_envelope(project, evidence_id, here, viewer.asking)
    answer.headers["Content-Disposition"] = f'attachment; filename="{evidence_id}.json"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@router.post(_OF_VERSION)
async def send_evidence(
    form: Sent, project: ProjectName, application: ApplicationName, version: VersionName
) -> Response:
    """Hand in a signed file, and see among the evidence of the version whether it counts."""
    await hand_in(form, project, application)
    return RedirectResponse(f"{links.version(project, application, version)}/evidence", 303)


async def hand_in(form: Form, project: ProjectName, application: ApplicationName) -> Receipt:
    """Submit the envelope that a form holds. Raises `Invalid`, and what the evidence service says."""
    file = form.files.get("envelope")
    envelope = inline_text(await file.read(_MOST_ENVELOPE) if file else b"")
    if envelope is None:
        raise Invalid(
            "envelope_too_large",
            "The form takes small envelopes only.",
            remedy="Send it with `hallmark evidence attach`.",
        )
    return await form.send(SubmitEvidence, Receipt, project=project, application=application, envelope=envelope)
