"""Messages that nobody can handle."""

from __future__ import annotations

from itertools import product

import nats

from deploy.local.stack import Stack


async def bury(stack: Stack, times: int = 1) -> None:
    """So many of them for each of two services, the registry and the gate."""
    env = stack.servers.env("promotion")
    connection = await nats.connect(
        env["HALLMARK_NATS_URL"],
        user=env["HALLMARK_NATS_USER"],
        password=env["HALLMARK_NATS_PASSWORD"],
        inbox_prefix="_INBOX_promotion",
    )
    subjects = ("hallmark.tell.registry.version.move.v1", "hallmark.tell.gate.gates.evaluate.v1")
    for number, subject in product(range(times), subjects):
        headers = {"ce-id": f"bad-{number}-{subject}"}
        await connection.jetstream().publish(subject, b'{"poison": true}', headers=headers)
    await connection.close()
