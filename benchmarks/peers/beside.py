"""Measures the peers one after the other, each alone on the machine; says of each that is not here why."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from benchmarks.peers import installing, serving
from benchmarks.peers.installing import NotHereError, said
from benchmarks.timing import crowded
from deploy.local.options import NatsRights
from deploy.local.ports import LOOPBACK, PortChooser
from deploy.local.servers import running_servers

Loads = Sequence[tuple[int, int]]
"""How many at once, and how many rounds of each."""
Found = dict[str, Any]
_OWN = "peer"
_ROOT = Path(__file__).resolve().parents[2]


async def measure_peers(folder: Path, loads: Loads, show: Callable[[str], None]) -> Found:
    """By peer and kind of step, what promotions take; or why there is nothing to say."""
    try:
        python = await installing.python_with_peers(folder / "venv")
    except NotHereError as error:
        return {"dbos": {"absent": str(error)}, "restate": {"absent": str(error)}}
    found: Found = {"versions": await installing.versions(python)}
    rights = {"bench": NatsRights((), ("_INBOX_bench.>",))}
    async with running_servers(folder / "mongo", rights, [_OWN]) as servers:
        for kind, mongo_url in (("bare", None), ("acting", servers.mongo_urls[_OWN])):
            order = {"loads": list(loads), "mongo_url": mongo_url}
            for name, measure in (("dbos", _dbos), ("restate", _restate)):
                place = folder / f"{name}-{kind}"
                place.mkdir()
                try:
                    found.setdefault(name, {})[kind] = await measure(python, place, order)
                except NotHereError as error:
                    found.setdefault(name, {})[kind] = {"absent": str(error)}
                show(f"{name}, {kind} steps: {found[name][kind]}")
    return found


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_ROOT)}


async def _dbos(python: Path, folder: Path, order: Found) -> Found:
    async with serving.postgres(folder) as url:
        text = json.dumps({**order, "database_url": url})
        printed = await said(python, "-m", "benchmarks.peers.dbos_promotions", text, env=_env())
    found: Found = json.loads(printed.strip().splitlines()[-1])
    return found


async def _restate(python: Path, folder: Path, order: Found) -> Found:
    program = await installing.restate_server(folder.parent / "restate-server")
    port = PortChooser().choose(())
    async with serving.restate(program, folder / "restate") as (ingress, admin):
        text = json.dumps({**order, "port": port, "ingress": ingress})
        module = "benchmarks.peers.restate_promotions"
        async with serving.process(python, "-m", module, text, output=folder / "service.log", env=_env()):
            await _register(admin, f"http://{LOOPBACK}:{port}")
            return await _load(ingress, order["loads"])


async def _register(admin: str, service: str) -> None:
    async with httpx.AsyncClient(base_url=admin, timeout=30) as client:

        async def registered() -> bool:
            return (await client.post("/deployments", json={"uri": service})).is_success

        await serving.until(registered, "the Restate service")


async def _load(ingress: str, loads: Loads) -> Found:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=ingress, timeout=600, limits=limits) as client:

        async def promote(_: int, __: int) -> None:
            answer = await client.post(f"/Promotion/{uuid4().hex}/run", json={"version": "1.0.0"})
            if not answer.is_success or answer.json() != "completed":
                raise NotHereError(f"a promotion did not complete: {answer.status_code} {answer.text[:200]}")

        await crowded(4, 5, promote)
        return {str(at_once): await crowded(at_once, rounds, promote) for at_once, rounds in loads}


async def _alone() -> None:
    """The peers alone, for whoever works on their programs."""
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="hallmark-bench-peers-") as folder:
        print(json.dumps(await measure_peers(Path(folder), [(1, 30), (16, 10)], print), indent=2))


if __name__ == "__main__":
    asyncio.run(_alone())
