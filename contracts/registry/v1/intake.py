"""What pipelines publish to the registry: CDEvents (0.3 to 0.5.1) as they are.

Only the fields that Hallmark reads are named. `customData.hallmark` carries what CDEvents has no word for: the
project, when the package binding alone does not say it, and the digest of the artifact.
Source: cdevents/spec 0.5.1, spec.md and conformance/.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, Field, StringConstraints

from contracts.message import Intake
from contracts.vocabulary import Frozen, Utc

CdeventType = Annotated[
    str, StringConstraints(pattern=r"^dev\.cdevents\.[a-z]+\.[a-z]+\.\d+\.\d+\.\d+(?:-\w+)?$", max_length=200)
]


class CdeventContext(Frozen):
    """Which event this is."""

    specversion: Annotated[str, Field(validation_alias=AliasChoices("specversion", "version"))]
    id: Annotated[str, Field(min_length=1, max_length=200)]
    source: Annotated[str, Field(min_length=1, max_length=500)]
    type: CdeventType
    timestamp: Utc


class CdeventSubject(Frozen):
    """What it is about."""

    id: Annotated[str, Field(min_length=1, max_length=1024)]
    content: dict[str, Any] = {}


class PipelineEvent(Intake):
    """One CDEvent from a pipeline or another delivery tool."""

    subject: ClassVar[str] = "hallmark.in.cdevents"
    context: CdeventContext
    about: Annotated[CdeventSubject, Field(validation_alias="subject", serialization_alias="subject")]
    custom_data: Annotated[dict[str, Any], Field(validation_alias="customData", serialization_alias="customData")] = {}
