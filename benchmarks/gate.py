"""The gate: how long a verdict takes beside its floor, beside the engine alone, and in a large database."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import gate_seeds as seeds
from benchmarks.gate_measuring import Measured, a_gate, in_work, set_up
from deploy.local.servers import running_servers
from deploy.rights import all_rights
from services.gate.app import SERVICE
from services.gate.storage.unit_of_work import GateWork

SIZES = {10: 60, 100: 60, 1_000: 30, 10_000: 8}
"""How often a verdict on so many pieces is measured."""
_AT_ONCE = 5_000


def version_of(pieces: int) -> str:
    """The version that has so much evidence."""
    return f"2.0.{pieces}"


async def seed(url: str, pieces: int) -> None:
    """One version with evidence, through the gate's own storage; its evidence in bulk."""
    version = version_of(pieces)

    async def work(work: GateWork) -> None:
        await work.dossiers.versions.add(seeds.version_created(version, pieces))
        await work.dossiers.surroundings.moved(seeds.moved_to_qa(version))

    async with a_gate(url) as gate:
        await in_work(gate, work)
        documents = seeds.evidence_documents(seeds.evidence_of(version, pieces))
        while batch := list(islice(documents, _AT_ONCE)):
            await gate.database.collection("evidence").add_all([one for one, _ in batch])
            await gate.database.collection("evidence_forms").add_all([form for _, form in batch])


async def in_child(module: str, *words: object) -> Any:
    """What a process of its own found out."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, words), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    if child.returncode:
        raise RuntimeError(f"{module} {words[1:]} failed")
    return json.loads(said)


async def verdicts(url: str, sizes: dict[int, int], show: Callable[[str], None]) -> Measured:
    """By number of pieces, what a verdict takes."""
    found = {}
    for pieces, runs in sizes.items():
        found[str(pieces)] = await in_child("benchmarks.gate_measuring", url, version_of(pieces), pieces, runs)
        show(f"{pieces:,} pieces: {found[str(pieces)]}")
    return found


async def measure_gate(sizes: dict[int, int], show: Callable[[str], None]) -> Measured:
    """All of it, on a MongoDB of its own."""
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as folder:
        async with running_servers(Path(folder) / "data", all_rights([SERVICE]), ["gate"]) as servers:
            url = servers.mongo_urls["gate"]
            await set_up(url)
            for pieces in sizes:
                await seed(url, pieces)
            return {"small_database": await verdicts(url, sizes, show)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure_gate(SIZES, lambda text: print(text, file=sys.stderr))), indent=2))
