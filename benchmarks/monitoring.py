"""Monitoring: one new advisory against many released components, everything matched again, and a peer on the same data.

An advisory is measured from the message at hand to the commit of its findings, and to the moment at which the last of
its events is heard on NATS. How to read the figures: docs/architecture/monitoring-speed.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.monitoring_corpus import packages, records
from benchmarks.monitoring_peer import beside
from benchmarks.monitoring_scene import EACH, Scene, a_scene, advisory, components, populate
from benchmarks.timing import share, timed
from shared.mongo import Document, Session
from shared.mongo.transactions import in_transaction
from shared.service import calm_collector

AFFECTED = (1, 10, 100)
"""How many versions the advisories that are measured affect."""
_BATCH = 100
_LOOK_SECONDS = 0.2
Measured = dict[str, Any]


def hot_packages(runs: int) -> dict[str, int]:
    """A package for each advisory that is measured, and one to warm up with, by how many versions are affected."""
    return {f"hot-{affected}-{run}": affected for affected in AFFECTED for run in range(runs + 1)}


async def one_advisory(scene: Scene, runs: int, show: Callable[[str], None]) -> Measured:
    """By number of affected versions: to the commit, to the last event heard, and the floor of the same run."""
    found: Measured = {}
    for affected in AFFECTED:
        committed: list[float] = []
        heard: list[float] = []
        await _import(scene, affected, runs, committed, heard)
        committed.clear()
        heard.clear()
        floor = []
        for run in range(runs):
            await scene.settled()
            await _import(scene, affected, run, committed, heard)
            floor += await timed(1, _floor_of(scene, f"hot-{affected}-{run}"))
        found[str(affected)] = {
            "committed": _percentiles(committed),
            "events_heard": _percentiles(heard),
            "floor": _percentiles(floor),
        }
        show(f"{affected} affected: {found[str(affected)]}")
    return found


async def _import(scene: Scene, affected: int, run: int, committed: list[float], heard: list[float]) -> None:
    began = time.perf_counter()
    await scene.import_(advisory(f"HOT-{affected}-{run}", f"hot-{affected}-{run}"))
    committed.append((time.perf_counter() - began) * 1000)
    heard.append((await scene.announced(affected) - began) * 1000)


def _floor_of(scene: Scene, package: str) -> Callable[[int], Awaitable[None]]:
    return lambda _: _floor(scene, package)


async def _floor(scene: Scene, package: str) -> None:
    """What must be read and written, by nobody in particular: one transaction with as few operations as can be."""

    async def work(session: Session) -> None:
        rows = await session.collection("components").every(
            {"key": f"PyPI:{package}"}, only={"_id": 0, "key": 1, "purl": 1, "sbom": 1}
        )
        affected = sorted({row["sbom"] for row in rows if "@1." in row["purl"]})
        releases = await session.collection("releases").every({"sboms": {"$in": affected}})
        await session.collection("releases").replace_all(
            [({**one, "floor": time.time_ns()}, one["revision"]) for one in releases]
        )
        said: list[Document] = [{"body": "x" * 1500, "release": one["_id"]} for one in releases for _ in range(2)]
        await session.collection("floor").add_all([*said, *({"episode": one["_id"]} for one in releases), {}])

    await in_transaction(scene.run.database, work)


def _percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {"p50_ms": share(ordered, 0.5), "p99_ms": share(ordered, 0.99)}


async def import_all(scene: Scene, osv: Sequence[dict[str, Any]]) -> float:
    """Seconds that importing every advisory takes."""
    began = time.perf_counter()
    for first in range(0, len(osv), _BATCH):
        await scene.import_(*osv[first : first + _BATCH])
    return round(time.perf_counter() - began, 1)


async def match_again(scene: Scene) -> Measured:
    """One whole re-match, by the duty of the running service."""
    collection = scene.run.database.collection("rematching")
    before = ((await collection.get("rematch")) or {}).get("last")
    await collection.update({}, {"$set": {"requested": True}})
    cpu = time.process_time()
    while (last := ((await collection.get("rematch")) or {}).get("last")) == before or last is None:  # noqa: ASYNC110 - another process may do it
        await asyncio.sleep(_LOOK_SECONDS)
    return {
        "s": round((last["finished_at"] - last["started_at"]).total_seconds(), 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "releases": last["releases"],
        "differences": last["differences"],
    }


async def measure_monitoring(
    count: int, *, runs: int, peer: int, rematch: bool, show: Callable[[str], None]
) -> Measured:
    """All of it with so many components, on servers of its own."""
    osv = records()
    contents = components(packages(osv), count // EACH, hot_packages(runs))
    listed = [purl for purls in contents for purl in purls if "/hot-" not in purl]
    found: Measured = {
        "components": sum(map(len, contents)),
        "distinct": len({purl for purls in contents for purl in purls}),
        "releases": len(contents),
        "advisories": len(osv),
        "processors": os.cpu_count(),
        "load_before": os.getloadavg(),
    }
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as folder:
        async with a_scene(Path(folder)) as scene:
            if rematch:
                # Before there are releases: what is to be found then, the first re-match finds.
                found["import_all_s"] = await import_all(scene, osv)
                show(f"imported in {found['import_all_s']} s")
            began = time.perf_counter()
            await populate(scene.run, contents)
            show(f"populated in {time.perf_counter() - began:.0f} s")
            calm_collector()  # As a service does when it begins.
            found["memory_mib_before"] = scene.memory()
            found["one_advisory"] = await one_advisory(scene, runs, show)
            found["memory_mib_one_advisory"] = scene.memory()
            if rematch:
                for name in ("rematch_that_repairs", "rematch", "rematch_again"):
                    await scene.settled()
                    found[name] = await match_again(scene)
                    show(f"{name}: {found[name]}")
            found["memory_mib_after"] = scene.memory()
    if peer:
        asked = listed if len(listed) <= peer else random.Random(7).sample(listed, peer)  # noqa: S311 - the same always
        found["matching_alone"] = await beside(osv, asked)
        show(f"beside the peer: {found['matching_alone']}")
    return found | {"load_after": os.getloadavg()}


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--components", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=100, help="how often each advisory is measured")
    parser.add_argument("--peer", type=int, default=100_000, help="components for the peer; 0 leaves it out")
    parser.add_argument("--no-rematch", action="store_true")
    given = parser.parse_args()

    def show(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    measured = measure_monitoring(
        given.components, runs=given.runs, peer=given.peer, rematch=not given.no_rematch, show=show
    )
    print(json.dumps(asyncio.run(measured), indent=2, default=list))


if __name__ == "__main__":
    main()
