"""Ids and traces of what is announced."""

from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.trace import TracerProvider

from contracts.headers import TRACEPARENT, Meta
from contracts.message import MAX_BODY
from contracts.registry.v1.events import ProjectApplied
from shared.errors import TooLarge
from shared.messaging.outbox import message_id_for, outgoing
from tests.support.builders import a_message

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CAUSE = Meta(
    message_id="m",
    correlation_id="c",
    source="/x",
    time=NOW,
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
EVENT = a_message(ProjectApplied)


def test_ids_depend_only_on_service_cause_and_place() -> None:
    ids = {message_id_for(service, cause, place) for service in "ab" for cause in "cd" for place in (0, 1)}
    assert len(ids) == 8
    again = [outgoing(EVENT, service="gate", cause=CAUSE, place=0, at=NOW).message_id for _ in range(2)]
    assert again == [message_id_for("gate", "m", 0)] * 2


def test_the_trace_of_the_cause_goes_on_and_a_span_at_hand_is_its_next_link() -> None:
    untraced = outgoing(EVENT, service="gate", cause=CAUSE, place=0, at=NOW)
    assert untraced.headers[TRACEPARENT] == CAUSE.traceparent
    with TracerProvider().get_tracer("test").start_as_current_span("handling") as span:
        traced = outgoing(EVENT, service="gate", cause=CAUSE, place=0, at=NOW)
    assert f"{span.get_span_context().span_id:016x}" in traced.headers[TRACEPARENT]


def test_a_body_above_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        outgoing(a_message(ProjectApplied, title="x" * MAX_BODY), service="gate", cause=CAUSE, place=0, at=NOW)
