"""The gate: what a verdict takes beside its floor, beside the engine alone and in a large database, and simulation.

Measured is `gates.evaluate` from the message at hand to the commit: fetch, evaluate, sign, persist. How to read the
figures: docs/architecture/gate-speed.md.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import gate_seeds as seeds
from benchmarks.gate_facts import ARTIFACTS, KINDS, digest_of, evidence_of
from benchmarks.gate_scene import Measured, a_gate, in_work, set_up
from benchmarks.gate_simulating import make_past
from deploy.local.servers import running_servers
from deploy.rights import all_rights
from services.gate.app import SERVICE
from shared.mongo import Database

SIZES = {10: 40, 100: 30, 1_000: 20, 10_000: 8}
"""How often a verdict on so many pieces is measured."""
VERSIONS, PAST_VERSIONS = 100_000, 1_000
_AT_ONCE = 2_000
_OF_EACH = 3


def version_of(pieces: int) -> str:
    """The version that has so much evidence."""
    return f"2.0.{pieces}"


async def seed(url: str, pieces: int) -> None:
    """One version with evidence."""
    async with a_gate(url) as gate:
        await in_work(gate, lambda work: seeds.register(work, version_of(pieces), pieces))
        await seeds.add_evidence(gate.database, evidence_of(version_of(pieces), pieces))


async def crowd(database: Database, versions: int, show: Callable[[str], None]) -> None:
    """So many more versions of other applications with three pieces of evidence each, copied from one of each."""
    [like] = await database.collection("versions").find({"version": version_of(KINDS)})
    pieces = await database.collection("evidence").find({"subjects": {"$in": like["subjects"]}}, limit=_OF_EACH)
    for first in range(0, versions, _AT_ONCE):
        every, evidence = [], []
        for number in range(first, min(first + _AT_ONCE, versions)):
            about, whole = digest_of("crowd", number), digest_of("crowd version", number)
            key = f"{seeds.PROJECT}/other-{number % 500}/1.0.{number}"
            named = {"application": f"other-{number % 500}", "version": f"1.0.{number}", "version_digest": whole}
            own = {"artifacts": [[about, like["artifacts"][0][1]]], "subjects": [whole, about]}
            every.append({**like, **named, **own, "_id": key})
            for place, one in enumerate(pieces):
                record = digest_of("crowd record", number, place)
                evidence.append({**one, "_id": f"bench|ev-{record[7:39]}", "record": record, "subjects": [about]})
        await database.collection("versions").add_all(every)
        await database.collection("evidence").add_all(evidence)
    show(f"{versions:,} versions")


async def in_child(module: str, *words: object) -> Any:
    """What a process of its own found out."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"benchmarks.{module}", *map(str, words), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    if child.returncode:
        raise RuntimeError(f"{module} failed")
    return json.loads(said)


async def verdicts(url: str, sizes: dict[int, int], show: Callable[[str], None]) -> Measured:
    """By number of pieces, what a verdict takes."""
    found = {}
    for pieces, runs in sizes.items():
        found[str(pieces)] = await in_child("gate_measuring", url, version_of(pieces), pieces, runs)
        show(f"{pieces:,} pieces: {found[str(pieces)]}")
    return found


def growth(found: Measured, name: str) -> dict[str, float]:
    """How many times longer each size takes than the one before, which is a tenth of it."""
    pairs = pairwise(found)
    return {f"{small}_to_{large}": round(found[large][name] / found[small][name], 2) for small, large in pairs}


async def measure_gate(versions: int, past: int, show: Callable[[str], None]) -> Measured:
    """All of it, on a MongoDB of its own."""
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as folder:
        async with running_servers(Path(folder) / "data", all_rights([SERVICE]), ["gate"]) as servers:
            url = servers.mongo_urls["gate"]
            await set_up(url)
            for pieces in (KINDS, *SIZES):
                await seed(url, pieces)
            small = await verdicts(url, SIZES, show)
            asked = {version_of(pieces): pieces for pieces in list(SIZES)[:3]}
            rego = await in_child("gate_asking_rego", url, json.dumps(asked))
            show(f"rego: {rego}")
            await make_past(url, past)
            simulation = await in_child("gate_simulating", url)
            show(f"simulation: {simulation}")
            async with a_gate(url) as gate:
                await crowd(gate.database, versions, show)
            large = await verdicts(url, SIZES, show)
    return {
        "most_artifacts": ARTIFACTS,
        "few_versions": small,
        "many_versions": large,
        "many_to_few": {size: round(large[size]["p50_ms"] / small[size]["p50_ms"], 2) for size in small},
        "growth": {name: growth(small, f"{name}_ms") for name in ("p50", "cold", "cpu", "floor", "engine_alone")},
        "rego": rego,
        "simulation": simulation,
    }


if __name__ == "__main__":
    others = int(sys.argv[1]) if len(sys.argv) > 1 else VERSIONS
    before = int(sys.argv[2]) if len(sys.argv) > 2 else PAST_VERSIONS  # noqa: PLR2004 - the second argument
    print(json.dumps(asyncio.run(measure_gate(others, before, lambda text: print(text, file=sys.stderr))), indent=2))
