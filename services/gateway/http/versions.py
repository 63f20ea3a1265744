"""Versions: what they are made of, where they stand, what is missing, and whether they may be relied on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from contracts.evidence.v1.queries import ListEvidence
from contracts.evidence.v1.views import EvidencePage
from contracts.gate.v1.queries import ListVerdicts
from contracts.message import PageLimit
from contracts.monitoring.v1.commands import RevokeRelease
from contracts.monitoring.v1.queries import ShowTrust
from contracts.promotion.v1.queries import ListPromotions, ShowReadiness
from contracts.registry.v1.commands import CreateVersion
from contracts.registry.v1.drafts import AmendVersion, SealVersion
from contracts.registry.v1.queries import ListVersions, ShowVersion
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import ApplicationName, Digest, ProjectName, VersionName
from services.gateway.auth import SignedIn
from services.gateway.offering import offer

router = APIRouter(tags=["versions"])
_VERSIONS = "/projects/{project}/applications/{application}/versions"
_VERSION = f"{_VERSIONS}/{{version}}"

offer(router, f"POST {_VERSIONS}", CreateVersion, status=201)
offer(router, f"GET {_VERSIONS}", ListVersions)
offer(router, f"GET {_VERSION}", ShowVersion)
offer(router, f"POST {_VERSION}/amend", AmendVersion)
offer(router, f"POST {_VERSION}/seal", SealVersion)
offer(router, f"GET {_VERSION}/readiness", ShowReadiness)
offer(router, f"GET {_VERSION}/verdicts", ListVerdicts)
offer(router, f"GET {_VERSION}/promotions", ListPromotions, name="ListPromotionsOfVersion")
offer(router, f"GET {_VERSION}/trust", ShowTrust)
offer(router, f"POST {_VERSION}/revoke", RevokeRelease)


def subjects_of(version: VersionView) -> tuple[Digest, ...]:
    """Everything that evidence on a version may name: itself, its artifacts, the versions in it and theirs."""
    own = (version.digest, *(one.digest for one in version.artifacts))
    return tuple(dict.fromkeys((*own, *version.nested, *version.contained)))


@router.get(f"{_VERSION}/evidence", operation_id="ListEvidenceOfVersion", response_model=EvidencePage)
async def list_evidence(
    *,
    project: ProjectName,
    application: ApplicationName,
    version: VersionName,
    asking: SignedIn,
    after: Annotated[str | None, Query()] = None,
    limit: Annotated[PageLimit, Query()] = 100,
) -> JSONResponse:
    """Which evidence is on record for a version, its artifacts and the versions it contains?"""
    shown = await asking.ask_as(ShowVersion(project=project, application=application, version=version), VersionView)
    # A version may have more subjects than one question takes; the first ones are its own and its artifacts'.
    subjects = subjects_of(shown)[:1000]
    return JSONResponse(await asking.ask(ListEvidence(project=project, subjects=subjects, after=after, limit=limit)))
