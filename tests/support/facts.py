"""The facts that a running stack has announced."""

from typing import TypeVar

import nats

from contracts.message import Event
from deploy.local.stack import Stack

E = TypeVar("E", bound=Event)


async def facts_of(stack: Stack, kind: type[E]) -> list[E]:
    """Every event of that kind on the stream of facts, in order."""
    env = stack.servers.env("provision")
    connection = await nats.connect(
        env["HALLMARK_NATS_URL"],
        user=env["HALLMARK_NATS_USER"],
        password=env["HALLMARK_NATS_PASSWORD"],
        inbox_prefix="_INBOX_provision",
    )
    jetstream = connection.jetstream()
    last = (await jetstream.stream_info("HALLMARK_EVT")).state.last_seq
    messages = [await jetstream.get_msg("HALLMARK_EVT", sequence) for sequence in range(1, last + 1)]
    await connection.close()
    ours = [one for one in messages if (one.subject or "").startswith(kind.subject)]
    return [kind.model_validate_json(one.data or b"") for one in ours]
