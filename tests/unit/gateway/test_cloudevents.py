"""Pipeline events in HTTP requests: plain, and as CloudEvents in both modes."""

import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.registry.v1.intake import PipelineEvent
from services.gateway.cloudevents import read_event
from shared.errors import Invalid

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
GIVEN = CORPUS / "11-cdevents-cloudevents" / "give"
EVENT: dict[str, Any] = {
    "context": {
        "version": "0.3.0",
        "id": "e-1",
        "source": "/ci/shop über",
        "type": "dev.cdevents.artifact.published.0.1.1",
        "timestamp": "2026-01-02T03:04:05+02:00",
    },
    "subject": {"id": "pkg:oci/cart@1.0", "type": "artifact", "content": {}},
}
ATTRIBUTES = {"specversion": "1.0", "id": "e-1", "source": "/ci/shop über", "type": EVENT["context"]["type"]}
PLAIN = {"content-type": "application/json; charset=utf-8"}
STRUCTURED = {"content-type": "Application/CloudEvents+JSON; charset=UTF-8"}
READ = PipelineEvent.model_validate(EVENT)


def body(event: Any = EVENT) -> bytes:
    return json.dumps(event).encode()


def test_an_event_comes_plain_structured_or_in_binary_mode() -> None:
    assert READ.context.specversion == "0.3.0"
    encoded = {"data_base64": b64encode(body()).decode(), "datacontenttype": "application/json"}
    binary = {
        "ce-specversion": "1.0",
        "ce-id": "e-1",
        "ce-source": "/ci/shop%20%c3%bcber",
        "ce-type": ATTRIBUTES["type"],
    }
    quoted = binary | {"ce-source": '"/ci/shop%20%C3%BCber"', "ce-subject": "pkg:oci/cart@1.0"}
    for headers, content in (
        ({}, body()),
        (PLAIN, body()),
        (PLAIN | binary, body()),
        (PLAIN | quoted, body()),
        (STRUCTURED, body(ATTRIBUTES | {"data": EVENT, "subject": "pkg:oci/cart@1.0"})),
        (STRUCTURED, body(ATTRIBUTES | encoded)),
        (PLAIN, body(ATTRIBUTES | {"data": EVENT})),
    ):
        assert read_event(headers, content) == READ


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-type": "application/cloudevents-batch+json"}, "event_batch"),
        ({"content-type": "text/plain"}, "event_media_type"),
        (PLAIN | {"ce-id": "e-2"}, "event_contradicts_envelope"),
        (PLAIN | {"ce-source": "/ci/shop"}, "event_contradicts_envelope"),
        (PLAIN | {"ce-type": "dev.cdevents.artifact.packaged.0.1.1"}, "event_contradicts_envelope"),
        (PLAIN | {"ce-subject": "pkg:oci/till@1.0"}, "event_contradicts_envelope"),
        (PLAIN | {"ce-source": "%C0%A0"}, "event_header_malformed"),
    ],
)
def test_what_is_no_single_event_or_contradicts_itself_is_refused(headers: dict[str, str], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_event(headers, body())
    assert refused.value.code == code


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"context": {}}',
        body(ATTRIBUTES),
        body(ATTRIBUTES | {"data": "text"}),
        body(ATTRIBUTES | {"data": {"context": "e-1"}}),
        body(ATTRIBUTES | {"data": EVENT, "id": "e-2"}),
        body(ATTRIBUTES | {"data": EVENT, "source": "/elsewhere"}),
        body(ATTRIBUTES | {"data": EVENT, "type": "dev.cdevents.artifact.packaged.0.1.1"}),
        body(ATTRIBUTES | {"data": EVENT, "data_base64": b64encode(body()).decode()}),
        body(ATTRIBUTES | {"data_base64": "no base64!"}),
        body(ATTRIBUTES | {"data_base64": b64encode(b"no json").decode()}),
        body(ATTRIBUTES | {"data_base64": b64encode(b"[" * 100_000).decode()}),
        body(EVENT | {"context": EVENT["context"] | {"timestamp": "2026-01-02T03:04:05"}}),
        body(EVENT | {"context": EVENT["context"] | {"type": "two words"}}),
        body(EVENT | {"subject": {"id": ""}}),
    ],
)
def test_malformed_events_are_refused_with_their_place(content: bytes) -> None:
    with pytest.raises(ValidationError):
        read_event(STRUCTURED, content)


def test_custom_data_that_is_no_object_is_not_ours() -> None:
    encoded = EVENT | {"customData": "aGVsbG8=", "customDataContentType": "text/plain"}
    assert read_event(PLAIN, body(encoded)) == READ
    assert read_event(PLAIN, body(EVENT | {"customData": None})).custom_data == {}


@pytest.mark.skipif(not GIVEN.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS to read it")
def test_real_events_are_read_or_refused() -> None:
    events = sorted(GIVEN.glob("cdevents-conformance-*/*.json"))
    assert len(events) >= 46
    for path in events:
        event = read_event(PLAIN, path.read_bytes())
        attributes = {name: getattr(event.context, name) for name in ("id", "source", "type")}
        wrapped = {"specversion": "1.0", **attributes, "data": json.loads(path.read_bytes())}
        assert read_event(STRUCTURED, body(wrapped)) == event
    # CloudEvents that carry no CDEvent.
    for path in sorted((GIVEN / "cloudevents-examples").glob("*.json")):
        with pytest.raises(ValidationError):
            read_event(STRUCTURED, path.read_bytes())
    headers = json.loads((GIVEN / "nats-header-percent-encoding.json").read_bytes())
    for one in headers["encode"] + headers["decode_lower_case_ok"] + headers["decode_unneeded_ok"]:
        named = EVENT | {"context": EVENT["context"] | {"source": one["value"]}}
        assert read_event(PLAIN | {"ce-source": one["header"]}, body(named)).context.source == one["value"]
