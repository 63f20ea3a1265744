"""Promotions: from request to completed, alone and many at a time, beside the floor, beside two peers, and with a past.

The floor of one promotion is three MongoDB transactions and three synced publishes. How to read the figures:
docs/architecture/promotion-speed.md. `--json` prints them as JSON, `--without-peers` leaves the peers out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from benchmarks.peers.beside import Loads, measure_peers
from benchmarks.promotion_past import make_past
from benchmarks.promotion_scene import Scene, a_scene
from benchmarks.run import publish_floor, transaction_floor
from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from shared.errors import Transient

LOADS: Loads = ((1, 40), (16, 8), (64, 4), (256, 2))
"""How many at a time, and how many of each in turn."""
PAST = 100_000
_WARMING: Loads = ((10, 10),)
"""So that the caches are warm, and a hundred promotions are past."""
_STEPS = 3
_STARTS = 4
Show = Callable[[str], None]
Found = dict[str, Any]


async def floor(stack: Stack) -> Found:
    """What the parts of a promotion cost at least: medians of primitives, one at a time."""
    transaction, publish = await transaction_floor(stack), await publish_floor(stack)
    one, other = statistics.median(transaction), statistics.median(publish)
    return {
        "transaction_ms": round(one, 2),
        "publish_ms": round(other, 2),
        "promotion_ms": round(_STEPS * (one + other), 2),
    }


class Clockwork:
    """How much processor time each process of the stack has taken."""

    def __init__(self, stack: Stack) -> None:
        self._pids = stack.pids
        self._before = self._read()

    def _read(self) -> dict[str, float]:
        found = {}
        for name, pid in self._pids.items():
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            found[name] = (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")
        return found

    def per(self, many: int) -> dict[str, float]:
        """Milliseconds for each of so many promotions, since this was made."""
        now = self._read()
        each = {name: round((now[name] - self._before[name]) / many, 1) for name in now}
        return {**each, "all": round(sum(each.values()), 1)}


async def loads(scene: Scene, stack: Stack, prefix: str, wanted: Loads, show: Show) -> Found:
    """By number at a time, what promotions take."""
    found = {}
    for at_once, rounds in wanted:
        name = f"{prefix}-{at_once}"
        await scene.create(name, at_once, rounds)
        clockwork = Clockwork(stack)
        measured = await scene.load(name, at_once, rounds)
        found[str(at_once)] = {**measured, "processor_ms": clockwork.per(at_once * rounds)}
        show(f"{at_once} at a time: {found[str(at_once)]}")
    return found


async def grow_old(scene: Scene, stack: Stack, many: int, show: Show) -> dict[str, int]:
    """Give the system a past."""
    began = time.monotonic()
    with MongoClient[Any](stack.servers.mongo_root_url) as client:
        made = await make_past(scene, client, many, show)
    show(f"{many:,} promotions are past, made within {time.monotonic() - began:.0f} s")
    return made


async def measure_promotions(many: int, wanted: Loads, show: Show) -> Found:
    """All of Hallmark's own figures, on one stack. It is started again when another one took its ports meanwhile."""
    for _ in range(_STARTS - 1):
        try:
            return await _measure(many, wanted, show)
        except Transient as error:
            if error.code != "process_not_ready":
                raise
            show(error.message)
    return await _measure(many, wanted, show)


async def _measure(many: int, wanted: Loads, show: Show) -> Found:
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as folder:
        data = Path(folder) / "data"
        async with running_stack(stack_options(data)) as stack:
            token = (data / "secrets/admin-token").read_text(encoding="utf-8").strip()
            async with a_scene(stack, token) as scene:
                await loads(scene, stack, "warm", _WARMING, lambda _: None)
                least = await floor(stack)
                show(f"floor: {least}")
                found = await loads(scene, stack, "young", wanted, show)
                made = await grow_old(scene, stack, many, show) if many else {}
                later = await loads(scene, stack, "old", wanted[:2], show) if many else {}
                least_later = await floor(stack)
    return {
        "floor": least,
        "floor_later": least_later,
        "with_100_past": found,
        "past_documents": made,
        f"with_{many}_past": later,
        "p50_to_floor": round(found["1"]["p50_ms"] / least["promotion_ms"], 2),
        "growth": {at_once: round(one["p50_ms"] / found[at_once]["p50_ms"], 2) for at_once, one in later.items()},
    }


async def main(arguments: argparse.Namespace) -> Found:
    """Ours first, then each peer, so that each has the machine to itself."""

    def show(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    wanted = LOADS[: arguments.loads]
    found: Found = {"load_average": os.getloadavg(), "hallmark": await measure_promotions(arguments.past, wanted, show)}
    if not arguments.without_peers:
        with tempfile.TemporaryDirectory(prefix="hallmark-bench-peers-") as folder:
            found["peers"] = await measure_peers(Path(folder), wanted, show)
    return {**found, "load_average_after": os.getloadavg()}


def told(found: Found) -> str:
    """The figures as a table for people."""
    ours = found["hallmark"]
    rows = [("hallmark", ours["with_100_past"])]
    for peer in ("dbos", "restate"):
        rows += [(f"{peer}, {kind}", one) for kind, one in found.get("peers", {}).get(peer, {}).items()]
    lines = [f"floor {ours['floor']['promotion_ms']} ms; p50 to floor {ours['p50_to_floor']}; growth {ours['growth']}"]
    for name, by_load in rows:
        for at_once, one in by_load.items():
            said = one if isinstance(one, str) else f"p50 {one['p50_ms']} ms, p99 {one['p99_ms']} ms, {one['per_s']}/s"
            lines.append(f"{name:18} {at_once:>6}  {said}")
    return "\n".join(lines)


if __name__ == "__main__":
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--json", action="store_true", help="print everything as JSON")
    reader.add_argument("--without-peers", action="store_true", help="measure Hallmark alone")
    reader.add_argument("--past", type=int, default=PAST, help="how many promotions are to be past")
    reader.add_argument("--loads", type=int, default=len(LOADS), help="how many of the loads to measure")
    chosen = reader.parse_args()
    result = asyncio.run(main(chosen))
    print(json.dumps(result, indent=2) if chosen.json else told(result))
