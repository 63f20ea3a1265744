"""Handing messages to JetStream, singly or as an atomic batch (nats-server 2.12 and later, ADR-50).

A batch holds all of its messages back until the last one carries the commit; the server then stores all or none. One
known message id in it makes the server refuse the whole, so the caller falls back to single publishes.
"""

from __future__ import annotations

import json
from uuid import uuid4

from nats.aio.client import Client
from nats.js import JetStreamContext

from contracts.streams import Stream
from shared.errors import Transient
from shared.messaging.outbox import Outgoing

_BATCH_ID = "Nats-Batch-Id"
_BATCH_SEQUENCE = "Nats-Batch-Sequence"
_BATCH_COMMIT = "Nats-Batch-Commit"
_TIMEOUT = 5.0


async def publish_one(jetstream: JetStreamContext, stream: Stream, row: Outgoing) -> None:
    """Store one message, or learn that it is stored already. Raises nats-py's errors: then it is unknown."""
    await jetstream.publish(row.subject, row.body, timeout=_TIMEOUT, stream=stream.name, headers=dict(row.headers))


async def publish_batch(connection: Client, rows: list[Outgoing]) -> bool:
    """Store all messages or none; False when the server refused the batch.

    All rows must belong to one stream. Raises nats-py's errors when no answer came: then it is unknown.
    """
    batch_id = uuid4().hex
    for sequence, row in enumerate(rows[:-1], start=1):
        headers = {**row.headers, _BATCH_ID: batch_id, _BATCH_SEQUENCE: str(sequence)}
        if sequence == 1:
            # The first one is answered at once: with nothing when a batch may begin, else with the reason.
            opened = await connection.request(row.subject, row.body, timeout=_TIMEOUT, headers=headers)
            if opened.data and "error" in json.loads(opened.data):
                return False
        else:
            await connection.publish(row.subject, row.body, headers=headers)
    last = rows[-1]
    headers = {**last.headers, _BATCH_ID: batch_id, _BATCH_SEQUENCE: str(len(rows)), _BATCH_COMMIT: "1"}
    answer = json.loads((await connection.request(last.subject, last.body, timeout=_TIMEOUT, headers=headers)).data)
    if "error" in answer:
        return False
    if answer.get("count") != len(rows):
        raise Transient("batch_incomplete", f"The stream stored {answer.get('count')} of {len(rows)} messages.")
    return True
