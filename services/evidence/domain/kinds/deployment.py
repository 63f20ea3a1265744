"""Deployments, Hallmark's own predicate: somebody put the subject to work somewhere.

The predicate has `environment` and `deployed_at`, and optionally `stage` (the stage of the lifecycle it stands for),
`by` and `url`. Nothing proves who deployed but the signature around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from contracts.facts import DeploymentFacts
from contracts.vocabulary import StageName
from services.evidence.domain.kinds.reading import Moment, Part, Reading

DEPLOYMENT_TYPE = "https://hallmark.dev/attestation/deployment/v1"


class _Deployment(Part):
    environment: str = Field(min_length=1, max_length=200)
    stage: StageName | None = None
    deployed_at: Moment
    by: str = Field(default="", max_length=200)
    url: str | None = Field(default=None, max_length=2000)


def read(predicate: Mapping[str, Any]) -> Reading:
    """The deployment in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    found = _Deployment.model_validate(predicate)
    facts = DeploymentFacts(
        environment=found.environment,
        stage=found.stage,
        deployed_at=found.deployed_at,
        by=found.by,
        url=found.url,
    )
    return Reading(facts, claimed_at=found.deployed_at)
