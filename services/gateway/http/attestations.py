"""What Hallmark attested about a promotion, and the keys it signs with: for tools that know nothing of Hallmark."""

from __future__ import annotations

from enum import StrEnum

from fastapi import APIRouter
from fastapi.responses import Response

from contracts.evidence.v1.queries import ListAttestations, ReadSigningKeys
from contracts.evidence.v1.views import Attestations, SigningKeys
from contracts.vocabulary import ProjectName
from services.gateway.auth import Here, SignedIn
from services.gateway.offering import offer
from services.gateway.openapi import answered_as
from shared.errors import NotFound

router = APIRouter(tags=["promotions"])
_PEM = "application/x-pem-file"
_ALL = "/projects/{project}/promotions/{promotion_id}/attestations"


class Form(StrEnum):
    """In which form a passage was attested."""

    VSA = "vsa"
    SVR = "svr"


_TYPES = {Form.VSA: "https://slsa.dev/verification_summary/", Form.SVR: "https://in-toto.io/attestation/svr/"}

offer(router, f"GET {_ALL}", ListAttestations)


@router.get(
    f"{_ALL}/{{form}}",
    operation_id="ReadAttestation",
    response_class=Response,
    responses=answered_as("application/json", {"type": "object"}),
)
async def read_attestation(
    project: ProjectName, promotion_id: str, form: Form, here: Here, asking: SignedIn
) -> Response:
    """Get the signed statement that a version passed its gates: a DSSE envelope, as it was logged."""
    query = ListAttestations(project=project, promotion_id=promotion_id)
    for one in (await asking.ask_as(query, Attestations)).attestations:
        if one.predicate_type.startswith(_TYPES[form]) and not one.withdrawn:
            content = await here.blobs.get(project, one.content_digest, asking.actor_token())
            return Response(content, media_type="application/json")
    raise NotFound(
        "attestation_unknown",
        f"Nothing is attested about the promotion {promotion_id} yet.",
        remedy="Wait until it has passed its gates.",
    )


@router.get(
    "/log/keys.pem",
    operation_id="ReadSigningKeysInPem",
    response_class=Response,
    responses=answered_as(_PEM),
    tags=["log"],
)
async def read_keys(asking: SignedIn) -> Response:
    """Get the public keys that Hallmark signs with, in PEM, the one in force first."""
    found = await asking.ask_as(ReadSigningKeys(), SigningKeys)
    return Response("".join(found.keys), media_type=_PEM)
