"""One version: may it go on, what happened to it, what it is made of, what proves it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.gate.v1.queries import ListVerdicts
from contracts.gate.v1.views import VerdictPage
from contracts.monitoring.v1.queries import ShowTrust
from contracts.monitoring.v1.views import ReleaseTrust
from contracts.promotion.v1.queries import ListPromotions, ShowReadiness
from contracts.promotion.v1.views import PromotionPage, Readiness
from contracts.registry.v1.queries import ShowProject, ShowVersion
from contracts.registry.v1.views import ProjectView, VersionView
from contracts.vocabulary import ApplicationName, ProjectName, Role, VersionName
from services.gateway import links
from services.gateway.auth import Here
from services.gateway.console import finding_views, version_views
from services.gateway.console.answering import known, told
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed, Viewer
from services.gateway.gathering_timeline import gather_timeline
from services.gateway.http.badges import drawn_badge
from services.gateway.http.bundles import export_bundle
from services.gateway.timeline import Key

router = APIRouter()
ONE = "/projects/{project}/applications/{application}/versions/{version}"
MOVERS = (Role.RELEASE_MANAGER, Role.CONTRIBUTOR)
"""Who may ask for promotions, as far as roles tell."""
_VERDICTS = 25
_PROMOTIONS = 10


@dataclass(frozen=True)
class Head:
    """What every page of a version begins with."""

    version: VersionView
    trust: ReleaseTrust | None
    path: str
    standing: str

    def values(self, tab: str) -> dict[str, Any]:
        """For the template."""
        shown = {"shown": self.version, "trust": self.trust, "path_of": self.path, "standing": self.standing}
        return {**shown, "tab": tab, "tabs": version_views.TABS, "live": _live(self.version)}


def _live(version: VersionView) -> str:
    return f"project={version.project}&application={version.application}"


async def head_of(viewer: Viewer, which: ShowVersion) -> Head:
    """What is known of it at once. Raises `NotFound`."""
    trust = ShowTrust(project=which.project, application=which.application, version=which.version)
    version, trusted = await asyncio.gather(viewer.ask(which, VersionView), known(viewer, trust, ReleaseTrust))
    word = version_views.standing_word(version, trusted)
    return Head(version, trusted, version_views.path_of(version), word)


@router.get(ONE)
async def show_version(
    request: Request, viewer: Viewed, project: ProjectName, application: ApplicationName, version: VersionName
) -> Response:
    """May it go on, and what did each gate say last?"""
    of = {"project": project, "application": application, "version": version}
    head, ready, verdicts, promotions = await asyncio.gather(
        head_of(viewer, ShowVersion(**of)),
        told(viewer, ShowReadiness(**of), Readiness),
        told(viewer, ListVerdicts(**of, limit=_VERDICTS), VerdictPage),
        told(viewer, ListPromotions(**of, limit=_PROMOTIONS), PromotionPage),
    )
    moves = promotions.answer.promotions if promotions.answer else ()
    about = version_views.about(head.version, moves)
    rows = finding_views.rows(ready.answer.findings, about) if ready.answer else ()
    return page(
        request,
        "versions/show.html",
        viewer,
        project=project,
        ready=ready,
        rows=rows,
        counts=finding_views.counts(rows),
        gates=version_views.newest_by_gate(verdicts.answer.verdicts if verdicts.answer else (), about),
        promotions=promotions,
        under_way=next((one for one in moves if one.state not in version_views.FINAL), None),
        way=version_views.way(head.version, ready.answer.to_stage if ready.answer else None),
        may_move=viewer.may(project, *MOVERS),
        **head.values(""),
    )


@router.get(f"{ONE}/timeline")
async def show_timeline(
    *,
    request: Request,
    viewer: Viewed,
    project: ProjectName,
    application: ApplicationName,
    version: VersionName,
    after: Annotated[Key | None, Query()] = None,
) -> Response:
    """Everything that happened to it."""
    which = ShowVersion(project=project, application=application, version=version)
    head, timeline = await asyncio.gather(
        head_of(viewer, which), gather_timeline(viewer.asking, which, after=after, limit=100)
    )
    values = head.values("/timeline")
    return page(request, "versions/timeline.html", viewer, project=project, timeline=timeline, after=after, **values)


@router.get(f"{ONE}/proof")
async def show_proof(
    *,
    request: Request,
    viewer: Viewed,
    here: Here,
    project: ProjectName,
    application: ApplicationName,
    version: VersionName,
) -> Response:
    """What others can check: the bundle, and the badge."""
    which = ShowVersion(project=project, application=application, version=version)
    head, of = await asyncio.gather(head_of(viewer, which), viewer.ask(ShowProject(project=project), ProjectView))
    public_url = here.settings.public_url or str(request.base_url)
    return page(
        request,
        "versions/proof.html",
        viewer,
        project=project,
        public_badges=of.public_badges,
        snippets=version_views.badge_snippet(public_url, head.path, project, application, version),
        address=links.address(public_url, head.path),
        **head.values("/proof"),
    )


@router.get(f"{ONE}/badge.svg")
async def show_badge(
    viewer: Viewed, project: ProjectName, application: ApplicationName, version: VersionName
) -> Response:
    """Its badge, for whoever may see the project, public or not."""
    drawn = await drawn_badge(viewer.asking, ShowVersion(project=project, application=application, version=version))
    return Response(drawn, media_type="image/svg+xml", headers={"Cache-Control": "private, max-age=10"})


@router.get(f"{ONE}/bundle")
async def download_bundle(
    viewer: Viewed, here: Here, project: ProjectName, application: ApplicationName, version: VersionName
) -> Response:
    """The same bundle that the API exports, in the viewer's name."""
    return await export_bundle(
        project=project, application=application, version=version, here=here, asking=viewer.asking
    )
