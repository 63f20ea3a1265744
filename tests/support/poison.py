"""Messages that nobody can handle."""

from __future__ import annotations

import nats

from deploy.local.stack import Stack


async def bury(stack: Stack) -> None:
    """Two of them, for two services."""
    env = stack.servers.env("promotion")
    connection = await nats.connect(
        env["HALLMARK_NATS_URL"],
        user=env["HALLMARK_NATS_USER"],
        password=env["HALLMARK_NATS_PASSWORD"],
        inbox_prefix="_INBOX_promotion",
    )
    for subject in ("hallmark.tell.registry.version.move.v1", "hallmark.tell.gate.gates.evaluate.v1"):
        await connection.jetstream().publish(subject, b'{"poison": true}', headers={"ce-id": f"bad-{subject}"})
    await connection.close()
