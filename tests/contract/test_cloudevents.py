"""Every message that the relay publishes is a CloudEvent 1.0 in binary mode (NATS binding)."""

import json
from datetime import UTC, datetime

import pytest

from contracts.catalog import MESSAGES
from contracts.headers import CE_PREFIX, Meta, decode
from contracts.message import DeadLetter, Event, Message, Tell
from deploy.describe import CONTRACTS, file_name
from shared.messaging.outbox import outgoing

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CAUSE = Meta(message_id="cause", correlation_id="c", source="/x", time=NOW)
PUBLISHED = [one for one in MESSAGES if issubclass(one, Event | Tell | DeadLetter)]


@pytest.mark.parametrize("kind", PUBLISHED, ids=lambda kind: kind.__name__)
def test_every_message_that_is_published_carries_the_attributes_of_cloudevents(kind: type[Message]) -> None:
    example = json.loads((CONTRACTS / "examples" / file_name(kind)).read_text())
    row = outgoing(kind.model_validate(example), service="gate", cause=CAUSE, place=0, at=NOW)
    found = {
        name.removeprefix(CE_PREFIX): decode(value) for name, value in row.headers.items() if name.startswith(CE_PREFIX)
    }
    assert found["specversion"] == "1.0"
    assert found["datacontenttype"] == "application/json"
    assert found["id"]
    assert found["source"].startswith("/hallmark/")
    assert datetime.fromisoformat(found["time"]).tzinfo is not None
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in found)
    # A CDEvent is its own: its type and subject are those of the binding of that standard.
    assert found["type"] == (example["context"]["type"] if "cdevent" in kind.subject else kind.subject)
    if issubclass(kind, Event):
        assert found["subject"]
    assert row.headers["Nats-Msg-Id"]
    json.loads(row.body)
