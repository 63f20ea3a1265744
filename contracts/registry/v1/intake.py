"""What pipelines publish to the registry: CDEvents (0.3 to 0.5.1, and the draft of 0.6) as they are.

- Only the fields that Hallmark reads are named. `customData.hallmark` carries what CDEvents has no word for: the
  project, when the package binding alone does not say it, and the digest of the artifact.
- One may come inside of a CloudEvent in structured mode: then both must name the same id, source and type.
- Types that Hallmark does not know are read, too: they are of no concern, and no error.

Source: cdevents/spec 0.5.1, spec.md, cloudevents-binding.md and conformance/; cloudevents/spec formats/json-format.md.
"""

from __future__ import annotations

import json
from base64 import b64decode
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, BeforeValidator, Field, StringConstraints, model_validator

from contracts.message import Answer, Command, Intake
from contracts.vocabulary import ApplicationName, Frozen, ProjectName, Utc, VersionName

CdeventType = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=300)]
CustomData = Annotated[dict[str, Any], BeforeValidator(lambda data: data if isinstance(data, dict) else {})]
"""Where it is no JSON object, as CDEvents allows, nothing in it is meant for Hallmark."""


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
    custom_data: Annotated[CustomData, Field(validation_alias="customData", serialization_alias="customData")] = {}

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, said: Any) -> Any:
        """Take the CDEvent out of a CloudEvent. Raises `ValueError` when the two contradict each other."""
        is_cloudevent = isinstance(said, dict) and "context" not in said and "specversion" in said
        return _inside(said) if is_cloudevent else said


def _inside(cloudevent: dict[str, Any]) -> Any:
    if "data" in cloudevent and "data_base64" in cloudevent:
        raise ValueError("a CloudEvent has either data or data_base64")
    try:
        encoded = cloudevent.get("data_base64")
        data = json.loads(b64decode(str(encoded), validate=True)) if encoded is not None else cloudevent.get("data")
    except (ValueError, RecursionError) as error:
        raise ValueError("data_base64 is not the base64 of JSON") from error
    if not isinstance(data, dict) or not isinstance(data.get("context"), dict):
        raise ValueError("the data of the CloudEvent is no CDEvent")  # noqa: TRY004 - pydantic reads ValueError
    for name in ("id", "source", "type"):
        if cloudevent.get(name) != data["context"].get(name):
            raise ValueError(f"the CloudEvent has another {name} than the CDEvent in it")
    return data


class EventOutcome(StrEnum):
    """What became of a pipeline event."""

    RECORDED = "recorded"
    REPEATED = "repeated"
    """The same source and id came before; nothing changed."""
    IGNORED = "ignored"
    """Hallmark keeps nothing of this type."""


class EventReceipt(Answer):
    """What became of one pipeline event."""

    outcome: EventOutcome
    message: str
    """The same in one sentence."""
    project: ProjectName | None = None
    application: ApplicationName | None = None
    version: VersionName | None = None
    """The draft that it began or extended, or the version that holds it already."""
    facts: tuple[str, ...] = ()
    """What was announced because of it, such as `artifact.published`."""


class RecordPipelineEvent(Command):
    """Take in one CDEvent and say what became of it: the same as publishing it, with an answer."""

    subject: ClassVar[str] = "hallmark.ask.registry.event.record.v1"
    answer: ClassVar[type[Answer]] = EventReceipt
    event: PipelineEvent
