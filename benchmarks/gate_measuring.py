"""One process that measures verdicts: started anew for each size, so that its first verdict is a cold one.

Floors are taken on the same documents, turn by turn with the verdicts, so that both meet the same machine. Each is one
transaction that reads all of them as they are, makes one signature over as many bytes as are announced, and writes as
much as a verdict writes:

- `floor`: with nothing done to what was read but what the driver does (BSON). The aim is twice this.
- `floor_with_json`: every piece of evidence is parsed as JSON, too, as a process must that sees it for the first time.
- `floor_ids_only`: of evidence only ids and records are read, as a process does that has seen all of it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from dataclasses import replace

from benchmarks import gate_seeds as seeds
from benchmarks.gate_scene import Measured, Scene, a_gate
from benchmarks.timing import share, timed
from services.gate.storage.evaluations import INDEXES as EVALUATION_INDEXES
from services.gate.storage.verdicts import INDEXES as VERDICT_INDEXES
from services.gate.wire import passages_from
from shared.clock import utc_now
from shared.crypto import keys
from shared.messaging import inbox, outbox
from shared.mongo import Document, Session, in_transaction
from shared.policy.verdict import DecisionContext, decide

_WRITTEN = {
    "bench_verdicts": VERDICT_INDEXES["verdicts"],
    "bench_evaluations": EVALUATION_INDEXES["evaluations"],
    "bench_inbox": inbox.INDEXES,
    "bench_outbox": outbox.INDEXES,
}


class Floor:
    """What a verdict on one scene cannot do without."""

    def __init__(self, scene: Scene, reads: dict[str, Document], written: dict[str, list[Document]]) -> None:
        self.scene, self.reads, self.written = scene, reads, written
        self.announced = bytes(written["outbox"][0]["body"])
        self.key = keys.generate()

    async def once(self, *, only: Document | None = None, parsed: bool = False) -> None:
        """One transaction."""

        async def work(session: Session) -> None:
            for name, where in self.reads.items():
                found = await session.collection(name).every(where, only=only if name == "evidence" else None)
                for one in found if parsed and name == "evidence" else ():
                    json.loads(one["item"])
            keys.sign(self.key, self.announced)
            for name, rows in self.written.items():
                fresh = [{**row, "_id": f"{time.time_ns()}", "promotion_id": "bench"} for row in rows]
                await session.collection(f"bench_{name}").add_all(fresh)

        await in_transaction(self.scene.gate.database, work)


async def turns(scene: Scene, floor: Floor, runs: int) -> dict[str, list[float]]:
    """Milliseconds of verdicts and floors, one after the other, each sorted; `cpu` is this process's part of verdicts.

    On a machine that others use, too, whoever computes waits longer than whoever writes: then `cpu` tells more.
    """
    names = ("verdict", "cpu", "floor", "floor_with_json", "floor_ids_only")
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(runs):
        began = time.process_time()
        found["verdict"] += await timed(1, scene.verdict)
        found["cpu"].append((time.process_time() - began) * 1000)
        found["floor"] += await timed(1, lambda _: floor.once())
        found["floor_with_json"] += await timed(1, lambda _: floor.once(parsed=True))
        found["floor_ids_only"] += await timed(1, lambda _: floor.once(only={"record": 1}))
    return {name: sorted(values) for name, values in found.items()}


async def engine(scene: Scene, runs: int) -> float:
    """Median milliseconds of the decision alone, on a dossier that is in memory."""
    known, rules = await scene.dossier(), seeds.policies()
    context = DecisionContext("vd-bench", "rita", scene.asked.positions)
    passages = passages_from(scene.asked.passages)

    async def once(_: int) -> None:
        decide(rules, replace(known), passages, context, utc_now())

    return share(await timed(runs, once), 0.5)


async def measure(url: str, version: str, pieces: int, runs: int) -> Measured:
    """A cold verdict, warm ones, and their floors."""
    async with a_gate(url) as gate:
        await gate.database.create_indexes(_WRITTEN)
        await gate.database.ping()
        scene = Scene(gate, version, pieces)
        [cold] = await timed(1, scene.verdict)
        floor = Floor(scene, await scene.reads(), await scene.written())
        await turns(scene, floor, 2)
        found = await turns(scene, floor, runs)
        median = {name: share(values, 0.5) for name, values in found.items()}
        kept = floor.written["verdicts"][0]
        return {
            "cold_ms": round(cold, 1),
            "p50_ms": median["verdict"],
            "p99_ms": share(found["verdict"], 0.99),
            **{f"{name}_ms": round(median[name], 2) for name in median if name != "verdict"},
            "engine_alone_ms": await engine(scene, max(runs // 2, 5)),
            "p50_to_floor": round(median["verdict"] / median["floor"], 2),
            "p50_to_floor_with_json": round(median["verdict"] / median["floor_with_json"], 2),
            "p50_to_floor_ids_only": round(median["verdict"] / median["floor_ids_only"], 2),
            "cold_to_floor_with_json": round(cold / median["floor_with_json"], 2),
            "announced_bytes": len(floor.announced),
            "kept_bytes": len(kept["verdict"]) + len(kept["basis"]),
        }


if __name__ == "__main__":
    # As a service process sets it (shared/service.py).
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    given_url, given_version, size, times = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(given_url, given_version, int(size), int(times)))))
