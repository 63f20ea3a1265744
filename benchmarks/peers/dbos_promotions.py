"""A promotion as a DBOS workflow. Runs in the peers' own environment.

`python -m benchmarks.peers.dbos_promotions JSON` prints what was measured.
Workflows, whoever signals and whoever waits share one process, as they do in a DBOS application: nothing is sent over
HTTP, which is the shortest way that DBOS has.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from uuid import uuid4

import uvloop
from dbos import DBOS, DBOSConfig, SetWorkflowID

from benchmarks.peers.acting import Acting
from benchmarks.timing import crowded

_PATIENCE_SECONDS = 600.0
_VERDICT = "verdict"
asked: asyncio.Queue[str] = asyncio.Queue()
acting = Acting(None)


@DBOS.step()
async def request(key: str) -> dict[str, str]:
    """The first step: on record, and the gate is asked."""
    found = await acting.step(key, "request")
    asked.put_nowait(key)
    return found


@DBOS.step()
async def attest(key: str, verdict: dict[str, str]) -> dict[str, str]:
    """The second step: what the verdict allows is attested."""
    return await acting.step(key, f"attest-{verdict['outcome']}")


@DBOS.step()
async def move(key: str) -> dict[str, str]:
    """The third step: the version moves."""
    return await acting.step(key, "move")


@DBOS.workflow()
async def promotion(key: str) -> str:
    """Three steps and a wait."""
    await request(key)
    verdict = await DBOS.recv_async(_VERDICT, timeout_seconds=_PATIENCE_SECONDS)
    if verdict is None:
        raise TimeoutError("no verdict")
    await attest(key, verdict)
    await move(key)
    return "completed"


async def signal() -> None:
    """The gate: allows whatever it is asked about, each in its own time."""
    running: set[asyncio.Task[Any]] = set()
    while True:
        key = await asked.get()
        task = asyncio.create_task(DBOS.send_async(key, {"outcome": "allow"}, topic=_VERDICT))
        running.add(task)
        task.add_done_callback(running.discard)


async def promote(_: int, __: int) -> None:
    """One promotion, from its request to its end."""
    key = uuid4().hex
    with SetWorkflowID(key):
        handle = await DBOS.start_workflow_async(promotion, key)
    if await handle.get_result() != "completed":
        raise RuntimeError("a promotion did not complete")


async def main(order: dict[str, Any]) -> dict[str, Any]:
    """Measure what is ordered, by number at once."""
    global acting  # noqa: PLW0603 - what the steps do is told at start
    acting = Acting(order["mongo_url"])
    config: DBOSConfig = {"name": "bench", "system_database_url": order["database_url"], "log_level": "ERROR"}
    DBOS(config=config)
    DBOS.launch()
    signalling = asyncio.create_task(signal())
    await crowded(4, 5, promote)
    found = {str(at_once): await crowded(at_once, rounds, promote) for at_once, rounds in order["loads"]}
    signalling.cancel()
    return found


if __name__ == "__main__":
    result = uvloop.run(main(json.loads(sys.argv[1])))
    print(json.dumps(result), flush=True)
    DBOS.destroy()
