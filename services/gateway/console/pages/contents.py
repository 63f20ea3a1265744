"""What a version is made of: its artifacts, the versions inside of it, and the components that its SBOMs name."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.circumstances import ContainedVersion
from contracts.evidence.v1.queries import ListComponents, ListEvidence
from contracts.evidence.v1.views import ComponentPage, EvidencePage
from contracts.gate.v1.queries import ListVerdicts, ShowVerdict
from contracts.gate.v1.views import VerdictPage, VerdictView
from contracts.registry.v1.queries import ShowVersion
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import ApplicationName, ProjectName, VersionName
from services.gateway.console import version_views
from services.gateway.console.answering import known, told
from services.gateway.console.evidence_views import counts, standing, summary, title
from services.gateway.console.pages.evidence import SENDERS
from services.gateway.console.pages.versions import ONE, head_of
from services.gateway.console.rendering import page
from services.gateway.console.viewing import Viewed, Viewer
from services.gateway.http.versions import subjects_of

router = APIRouter()
_SUBJECTS = 1000
"""Subjects that one question about evidence may name."""
_COMPONENTS = 50
Word = Annotated[str, Query(max_length=200)]


@router.get(f"{ONE}/contents")
async def show_contents(
    *,
    request: Request,
    viewer: Viewed,
    project: ProjectName,
    application: ApplicationName,
    version: VersionName,
    sbom: Word = "",
    text: Word = "",
    kind: Annotated[str, Query(max_length=50, alias="type")] = "",
    license: Word = "",  # noqa: A002 - the word of the address
    after: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """Artifacts, nested versions, and one page of components."""
    head = await head_of(viewer, ShowVersion(project=project, application=application, version=version))
    subjects = subjects_of(head.version)[:_SUBJECTS]
    evidence, inside = await asyncio.gather(
        told(viewer, ListEvidence(project=project, subjects=subjects, limit=100), EvidencePage),
        _named(viewer, head.version),
    )
    found = version_views.sboms(evidence.answer.evidence if evidence.answer else ())
    chosen = next((one for one in found if one[0].item.evidence_id == sbom), found[0] if found else None)
    components = ComponentPage(components=())
    if chosen:
        wanted = {"text": text.strip(), "package_type": kind.strip(), "license": license.strip()}
        query = ListComponents(
            project=project, evidence_id=chosen[0].item.evidence_id, **wanted, after=after, limit=_COMPONENTS
        )
        components = await viewer.ask(query, ComponentPage)
    return page(
        request,
        "versions/contents.html",
        viewer,
        project=project,
        nested=version_views.nested(head.version, inside),
        sboms=found,
        chosen=chosen,
        components=version_views.with_findings(components.components, head.trust),
        next_after=components.next,
        asked={"text": text, "type": kind, "license": license},
        evidence=evidence,
        **head.values("/contents"),
    )


async def _named(viewer: Viewer, version: VersionView) -> tuple[ContainedVersion, ...]:
    """What the digests of the versions in it stand for, as the newest verdict on it knew."""
    if not version.nested:
        return ()
    of = {"project": version.project, "application": version.application, "version": version.version}
    newest = await known(viewer, ListVerdicts(**of, limit=1), VerdictPage)
    if newest is None or not newest.verdicts:
        return ()
    one = ShowVerdict(project=version.project, verdict_id=newest.verdicts[0].verdict_id)
    verdict = await known(viewer, one, VerdictView)
    return verdict.circumstances.contained if verdict and verdict.circumstances else ()


@router.get(f"{ONE}/evidence")
async def list_evidence(
    *,
    request: Request,
    viewer: Viewed,
    project: ProjectName,
    application: ApplicationName,
    version: VersionName,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """What is on record about it, its artifacts and the versions in it."""
    head = await head_of(viewer, ShowVersion(project=project, application=application, version=version))
    subjects = subjects_of(head.version)[:_SUBJECTS]
    query = ListEvidence(project=project, subjects=subjects, after=after, limit=50)
    found = await viewer.ask(query, EvidencePage)
    rows = [
        (one, title(one.item), summary(one.item.facts).line, counts(one.item), standing(one.item))
        for one in found.evidence
    ]
    return page(
        request,
        "versions/evidence.html",
        viewer,
        project=project,
        rows=rows,
        next_after=found.next,
        may_send=viewer.may(project, *SENDERS),
        **head.values("/evidence"),
    )
