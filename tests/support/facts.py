"""The facts that a running system has announced."""

from typing import TypeVar

import nats
from nats.js import JetStreamContext

from contracts.message import Event
from deploy.local.stack import Stack

E = TypeVar("E", bound=Event)


async def facts_on(jetstream: JetStreamContext, kind: type[E]) -> list[E]:
    """Every event of that kind on the stream of facts, in order."""
    last = (await jetstream.stream_info("HALLMARK_EVT")).state.last_seq
    messages = [await jetstream.get_msg("HALLMARK_EVT", sequence) for sequence in range(1, last + 1)]
    ours = [one for one in messages if (one.subject or "").startswith(f"{kind.subject}.")]
    return [kind.model_validate_json(one.data or b"") for one in ours]


async def facts_of(stack: Stack, kind: type[E]) -> list[E]:
    """Every event of that kind that a stack has announced, in order."""
    env = stack.servers.env("provision")
    connection = await nats.connect(
        env["HALLMARK_NATS_URL"],
        user=env["HALLMARK_NATS_USER"],
        password=env["HALLMARK_NATS_PASSWORD"],
        inbox_prefix="_INBOX_provision",
    )
    try:
        return await facts_on(connection.jetstream(), kind)
    finally:
        await connection.close()
