"""Whatever an event says, it is read, passed over, or refused with one of Hallmark's errors; never worse."""

import copy
import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.registry.v1.intake import PipelineEvent
from services.gateway.cloudevents import read_event
from services.registry.domain.intake_rule import Rule, version_made_by
from services.registry.domain.meanings import ArtifactBuilt, NothingOfConcern, package_in
from services.registry.domain.pipeline_event import meaning_of, named_in
from shared.errors import Rejection

TYPES = [
    "artifact.packaged",
    "artifact.published",
    "service.deployed",
    "service.removed",
    "incident.detected",
    "incident.resolved",
    "testsuiterun.finished",
    "change.merged",
    "build.started",
]
SOUND: dict[str, Any] = {
    "context": {
        "specversion": "0.5.1",
        "id": "e-1",
        "source": "/ci",
        "type": "dev.cdevents.artifact.published.0.3.0",
        "timestamp": "2026-01-02T03:04:05Z",
    },
    "subject": {
        "id": "pkg:oci/cart@sha256%3A" + "0" * 64 + "?tag=1.0",
        "content": {
            "environment": {"id": "prod"},
            "service": {"id": "shop/cart"},
            "artifactId": "pkg:oci/cart@1.0",
            "outcome": "success",
            "testSuite": {"id": "s", "name": "suite"},
            "repository": {"id": "https://git.example/cart"},
        },
    },
    "customData": {
        "hallmark": {
            "project": "shop",
            "application": "cart",
            "version": "1.0",
            "digest": "sha256:" + "0" * 64,
            "source": {"repository": "https://git.example/cart", "commit": "0123abc"},
        }
    },
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.sampled_from(["pkg:", "pkg:/x", "pkg:oci/@", "pkg:oci/a@%zz?checksum=,,&tag=", "a/b/c", "\x00", "9" * 999]),
    st.recursive(st.just({}), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner)),
)


def places(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Where something stands inside of nested objects."""
    inner = value.items() if isinstance(value, dict) else ()
    return [*([path] if path else []), *(place for key, one in inner for place in places(one, (*path, key)))]


PLACES = places(SOUND)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(PLACES), JUNK, max_size=4), st.booleans())
def test_no_event_does_worse_than_be_refused(kind: str, junk: dict[tuple[str, ...], Any], wrapped: bool) -> None:
    event = copy.deepcopy(SOUND)
    event["context"]["type"] = f"dev.cdevents.{kind}.0.3.0"
    for path, value in sorted(junk.items()):
        inside: Any = event
        for step in path[:-1]:
            inside = inside.get(step) if isinstance(inside, dict) else None
        if isinstance(inside, dict):
            # A copy: Hypothesis may give one object to several places, and one within itself is no JSON.
            inside[path[-1]] = copy.deepcopy(value)
    whole = event
    if wrapped and isinstance(event["context"], dict):
        whole = {
            "specversion": "1.0",
            "data": event,
            **{name: event["context"].get(name) for name in ("id", "source", "type")},
        }
    try:
        read = read_event({}, json.dumps(whole).encode())
    except (ValidationError, Rejection):
        return
    assert PipelineEvent.model_validate_json(read.model_dump_json(by_alias=True)) == read
    said = (read.context.type, read.about.id, read.about.content, read.custom_data)
    with suppress(Rejection):
        meaning = meaning_of(*said)
        if isinstance(meaning, NothingOfConcern):
            return
        named_in(*said)
        package_in(meaning)
        if isinstance(meaning, ArtifactBuilt):
            version_made_by(Rule("from_tag"), meaning)
