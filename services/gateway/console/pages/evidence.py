"""One piece of evidence: what it says, who signed it, what it counts for, and the bytes as they were handed in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from contracts.evidence.v1.queries import ShowEvidence
from contracts.evidence.v1.views import EvidenceView
from contracts.vocabulary import ProjectName
from services.gateway.auth import Here
from services.gateway.console import evidence_views
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed
from services.gateway.http.evidence import read_envelope

router = APIRouter()
_ONE = "/projects/{project}/evidence/{evidence_id}"


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
