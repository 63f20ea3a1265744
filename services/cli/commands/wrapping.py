"""What stands around a tool's file in a predicate: the resource descriptor, and the stage that it was made for.

- The stage goes into the signed predicate as `stage`, where the format lets other fields be: beside the bytes of a
  wrapped file (a tool's JSON is wrapped for that), or into predicates whose readers pass over what they do not know.
- Documents of a standard that says all they may hold are not changed: for those a stage is refused.

Source: in-toto/attestation spec/v1/resource_descriptor.md; spec/README.md on fields that are not recognised.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts.vocabulary import StageName
from shared.digests import sha256_digest
from shared.errors import Invalid

_OWN = "https://hallmark.dev/attestation/"
_OPEN = ("https://in-toto.io/attestation/", f"{_OWN}deployment/")
_CLOSED = (
    "https://cyclonedx.org/",
    "https://spdx.dev/",
    "https://openvex.dev/",
    "https://slsa.dev/",
    "https://cosign.sigstore.dev/",
    "cosign.sigstore.dev/",
)
_STAGE: TypeAdapter[str] = TypeAdapter(StageName)


def wrapped(data: bytes, name: str, media_type: str) -> dict[str, Any]:
    """A file as a resource descriptor."""
    return {
        "name": name,
        "mediaType": media_type,
        "digest": {"sha256": sha256_digest(data).removeprefix("sha256:")},
        "content": base64.b64encode(data).decode(),
    }


def made_for(
    stage: str, predicate: dict[str, Any], predicate_type: str, wrap: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """`predicate` with the stage in it, if need be as `wrap` wraps its file. Raises `Invalid`."""
    try:
        _STAGE.validate_python(stage)
    except ValidationError as error:
        raise Invalid(
            "stage_malformed",
            f"{stage!r} is no name of a stage.",
            remedy="Use small letters, digits and hyphens, as the lifecycle does.",
        ) from error
    if not (_is_wrapped(predicate) or predicate_type.startswith(_OPEN)):
        if predicate_type.startswith(_CLOSED):
            raise Invalid(
                "stage_unplaceable",
                f"A document of the type {predicate_type} has no place for a stage.",
                remedy="Sign it without one; test results, scans and free JSON can carry it.",
            )
        if predicate_type.startswith(_OWN):
            predicate = wrap()
    if predicate.get("stage", stage) != stage:
        raise Invalid(
            "stage_contradictory",
            f"The document says that it was made for another stage than {stage}.",
            remedy="Leave one of the two out.",
        )
    return {**predicate, "stage": stage}


def _is_wrapped(predicate: dict[str, Any]) -> bool:
    return predicate.keys() == {"name", "mediaType", "digest", "content"}
