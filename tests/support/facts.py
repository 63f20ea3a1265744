"""The facts that a running system has announced."""

from contextlib import suppress
from typing import TypeVar

import nats
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from contracts.message import Event
from deploy.local.stack import Stack

E = TypeVar("E", bound=Event)


async def facts_on(jetstream: JetStreamContext, kind: type[E]) -> list[E]:
    """Every event of that kind on the stream of facts, in order."""
    found: list[E] = []
    after = 0
    with suppress(NotFoundError):
        while True:
            one = await jetstream.get_msg("HALLMARK_EVT", after + 1, subject=f"{kind.subject}.>", next=True)
            found.append(kind.model_validate_json(one.data or b""))
            after = one.seq or 0
    return found


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
