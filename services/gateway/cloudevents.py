"""Reads a pipeline event from an HTTP request.

- As plain JSON; as a CloudEvent in structured mode; or in binary mode, where the attributes travel in `ce-` headers
  and must say the same as the event.
- One event per request: a batch is refused.

Source: cloudevents/spec bindings/http-protocol-binding.md; cdevents/spec cloudevents-binding.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from contracts.registry.v1.intake import PipelineEvent
from shared.errors import Invalid

BATCH = "application/cloudevents-batch"
STRUCTURED = "application/cloudevents"
PLAIN = "application/json"


def read_event(headers: Mapping[str, str], body: bytes) -> PipelineEvent:
    """The event in a request. Raises `Invalid`, and pydantic's `ValidationError` with the place of what is wrong."""
    media_type = headers.get("content-type", PLAIN).partition(";")[0].strip().lower()
    if media_type.startswith(BATCH):
        raise Invalid("event_batch", "A batch of events cannot be taken in.", remedy="Send each event by itself.")
    if not media_type.startswith(STRUCTURED) and not media_type.endswith(("/json", "+json")):
        raise Invalid(
            "event_media_type",
            f"An event cannot be read as {media_type}.",
            remedy=f"Send {PLAIN}, or {STRUCTURED}+json for structured CloudEvents.",
        )
    event = PipelineEvent.model_validate_json(body)
    _check_attributes(headers, event)
    return event


def _check_attributes(headers: Mapping[str, str], event: PipelineEvent) -> None:
    context = event.context
    said = {"ce-id": context.id, "ce-source": context.source, "ce-type": context.type, "ce-subject": event.about.id}
    for name, value in said.items():
        if name in headers and _decoded(headers[name]) != value:
            raise Invalid(
                "event_contradicts_envelope",
                f"The header {name} says something else than the event.",
                remedy="Send the attributes of the event itself, or leave the ce- headers out.",
            )


def _decoded(value: str) -> str:
    text = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise Invalid(
            "event_header_malformed", "A ce- header is not percent-encoded UTF-8.", remedy="Encode it as UTF-8."
        ) from error
