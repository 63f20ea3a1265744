"""A promotion as a Restate workflow, served to a Restate server. Runs in the peers' own environment.

`python -m benchmarks.peers.restate_promotions JSON`, until it is stopped.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx
import hypercorn
import hypercorn.asyncio
import restate
import uvloop

from benchmarks.peers.acting import Acting

_STREAMS = 2**31 - 1
promotion = restate.Workflow("Promotion")
asked: asyncio.Queue[str] = asyncio.Queue()
acting = Acting(None)


async def request(key: str) -> dict[str, str]:
    """The first step: on record, and the gate is asked."""
    found = await acting.step(key, "request")
    asked.put_nowait(key)
    return found


@promotion.main()
async def run(ctx: restate.WorkflowContext, _: dict[str, str]) -> str:
    """Three steps and a wait."""
    key = ctx.key()
    await ctx.run_typed("request", request, key=key)
    verdict = await ctx.promise("verdict", type_hint=dict).value()
    await ctx.run_typed("attest", acting.step, key=key, name=f"attest-{verdict['outcome']}")
    await ctx.run_typed("move", acting.step, key=key, name="move")
    return "completed"


@promotion.handler()
async def verdict(ctx: restate.WorkflowSharedContext, given: dict[str, str]) -> None:
    """The signal from outside."""
    await ctx.promise("verdict", type_hint=dict).resolve(given)


async def signal(ingress: str) -> None:
    """The gate: allows whatever it is asked about, each in its own time."""
    running: set[asyncio.Task[Any]] = set()
    async with httpx.AsyncClient(base_url=ingress, limits=httpx.Limits(max_connections=None), timeout=600) as client:
        while True:
            key = await asked.get()
            task = asyncio.create_task(client.post(f"/Promotion/{key}/verdict", json={"outcome": "allow"}))
            running.add(task)
            task.add_done_callback(running.discard)


def main(order: dict[str, Any]) -> None:
    """Serve until stopped."""
    global acting  # noqa: PLW0603 - what the steps do is told at start
    acting = Acting(order["mongo_url"])
    config = hypercorn.Config()
    config.bind = [f"127.0.0.1:{order['port']}"]
    config.h2_max_concurrent_streams = _STREAMS
    config.keep_alive_max_requests = _STREAMS
    config.keep_alive_timeout = _STREAMS
    app: Any = restate.app([promotion])

    async def serve() -> None:
        signalling = asyncio.create_task(signal(order["ingress"]))
        await hypercorn.asyncio.serve(app, config)
        signalling.cancel()

    uvloop.run(serve())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
