"""Whether one release may still be relied on: everything that stands against it, and taking its trust away."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.monitoring.v1.commands import RevokeRelease, TrustRevoked
from contracts.monitoring.v1.queries import ShowTrust
from contracts.monitoring.v1.undecided import ListUndecided, UndecidedPage
from contracts.monitoring.v1.views import ReleaseTrust
from contracts.vocabulary import ApplicationName, ProjectName, Role, Trust, VersionName
from services.gateway.auth import Here
from services.gateway.console import risk_views
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Sent, Viewed

router = APIRouter()
_VERSION = "/projects/{project}/applications/{application}/versions/{version}"
_UNDECIDED = 50


@router.get(f"{_VERSION}/trust")
async def show_trust(
    *,
    request: Request,
    here: Here,
    viewer: Viewed,
    project: ProjectName,
    application: ApplicationName,
    version: VersionName,
    after: Annotated[str | None, Query(max_length=1500)] = None,
) -> Response:
    """What stands against a release, what was excused, what could not be decided, and how its trust changed."""
    which = {"project": project, "application": application, "version": version}
    found, undecided = await viewer.ask_both(
        (ShowTrust.model_validate(which), ReleaseTrust),
        (ListUndecided.model_validate({**which, "after": after, "limit": _UNDECIDED}), UndecidedPage),
    )
    return page(
        request,
        "trust/show.html",
        viewer,
        project=project,
        live=f"project={project}&application={application}",
        release=found,
        undecided=undecided,
        may_revoke=found.trust is not Trust.REVOKED and viewer.may(project, Role.SECURITY),
        counted=risk_views.counted,
        at=here.clock(),
    )


@router.post(f"{_VERSION}/revoke")
async def revoke(form: Sent, project: ProjectName, application: ApplicationName, version: VersionName) -> Response:
    """Take the trust from a release for good."""
    fields = {"project": project, "application": application, "version": version}
    await form.send(RevokeRelease, TrustRevoked, **fields, reason=form.needed("reason", "The reason"))
    return RedirectResponse(
        f"/projects/{project}/applications/{application}/versions/{quote(version, safe='')}/trust", 303
    )
