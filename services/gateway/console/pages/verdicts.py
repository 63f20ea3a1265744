"""One verdict: what the gates said, on what, and whether they would say it again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.gate.v1.queries import ShowVerdict
from contracts.gate.v1.replays import Replay, ReplayVerdict
from contracts.gate.v1.views import VerdictView
from contracts.vocabulary import ProjectName
from services.gateway import links
from services.gateway.console.finding_views import About, counts, rows
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed

router = APIRouter()
_MOST_EVIDENCE = 100


@router.get("/projects/{project}/verdicts/{verdict_id}")
async def show_verdict(
    request: Request,
    viewer: Viewed,
    project: ProjectName,
    verdict_id: str,
    replay: Annotated[bool, Query()] = False,
) -> Response:
    """Why the gates said what they said; with `replay`, judged again on what it pins."""
    verdict = await viewer.ask(ShowVerdict(project=project, verdict_id=verdict_id), VerdictView)
    again = await viewer.ask(ReplayVerdict(project=project, verdict_id=verdict_id), Replay) if replay else None
    about = About(project, verdict.application, verdict.version, verdict.version_digest, None, verdict.promotion_id)
    found = rows(verdict.findings, about)
    decided = {one for finding in verdict.findings for one in finding.evidence}
    considered = sorted(verdict.considered, key=lambda one: (one.evidence_id not in decided, one.evidence_id))
    return page(
        request,
        "verdicts/show.html",
        viewer,
        project=project,
        verdict=verdict,
        rows=found,
        counts=counts(found),
        replay=again,
        considered=considered[:_MOST_EVIDENCE],
        left_out=max(0, len(considered) - _MOST_EVIDENCE),
        decided=decided,
        granted={one.waiver_id: one for one in verdict.circumstances.waivers} if verdict.circumstances else {},
        version_path=links.version(project, verdict.application, verdict.version),
    )
