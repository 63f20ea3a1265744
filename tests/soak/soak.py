"""Thousands of promotions while processes are killed at random; then everything on record is checked."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.timing import share
from deploy.local.nodes import is_server
from deploy.local.stack import Stack, running_stack
from deploy.secrets import SERVICES
from deploy.system import stack_options
from shared.crypto import keys
from tests.soak.history import History
from tests.support.handled import handled
from tests.support.impatient import Impatient
from tests.support.invariants import require_invariants
from tests.support.killer import Killer
from tests.support.recorded import Recorded, reader_of
from tests.support.traffic import Traffic, lanes_of

_PROGRESS_SECONDS = 5.0


@dataclass(frozen=True)
class Soaking:
    """What is wanted. The same folder and the same values go on where an earlier soak ended."""

    folder: Path
    promotions: int
    at_once: int
    seed: int
    kill_every: int
    """After about so many promotions one process is killed; 0: none is."""
    nodes: int = 1
    scale: int = 1
    """Instances of each service but the gateway."""
    rest_seconds: float = 300.0
    """How long the system may take to come to rest in the end."""


@dataclass
class Outcome:
    """What was seen."""

    problems: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


async def soak(wanted: Soaking) -> Outcome:
    """Run it all. Raises what keeps the stack from starting; what goes wrong later is among the problems."""
    wanted.folder.mkdir(parents=True, exist_ok=True)
    data = wanted.folder / "data"
    scale = {name: wanted.scale for name in SERVICES if name != "gateway" and wanted.scale > 1}
    options = stack_options(data, scale, nodes=wanted.nodes, usual_ports=False)
    token = (data / "secrets/admin-token").read_text().strip()
    history = History(wanted.folder / "history.jsonl")
    earlier = list(history.lines())
    with history:
        history.note(what="begin", seed=wanted.seed, promotions=wanted.promotions, nodes=wanted.nodes)
        async with (
            running_stack(options) as stack,
            Impatient([stack.urls["gateway"]], token) as client,
        ):
            traffic = Traffic(client, _key(wanted.folder), history.note)
            for line in earlier:
                traffic.recall(line)
            return await _soak(wanted, stack, traffic, history)


async def _soak(wanted: Soaking, stack: Stack, traffic: Traffic, history: History) -> Outcome:
    lanes = lanes_of(wanted.promotions, wanted.at_once, wanted.seed)
    await traffic.set_up(len(lanes))
    killer = Killer(stack, wanted.kill_every, wanted.seed, lambda: len(traffic.promotions), history.note)
    before, began = len(traffic.promotions), time.monotonic()
    async with _meanwhile(killer, traffic, wanted):
        await traffic.run(lanes)
    seconds = time.monotonic() - began
    killer.outcomes += await _handled(stack)
    outcome = Outcome(list(traffic.problems))
    dead = await _check(wanted, stack, traffic, outcome)
    durations = traffic.durations() or [0.0]
    outcome.figures = {
        "seed": wanted.seed,
        "promotions": len(traffic.promotions),
        "at_once": wanted.at_once,
        "nodes": wanted.nodes,
        "instances": wanted.scale,
        "seconds": round(seconds, 1),
        "promotions_per_second": round((len(traffic.promotions) - before) / seconds, 2),
        "seconds_to_end": {name: share(durations, part) for name, part in (("p50", 0.5), ("p99", 0.99), ("max", 1))},
        "ends": dict(Counter(one["state"] for one in traffic.promotions.values())),
        "kills": dict(sorted(killer.kills.items())),
        "requests_repeated": dict(sorted(traffic.client.repeats.items())),
        "messages": dict(sorted(killer.outcomes.items())),
        "dead_letters": dict(sorted(dead.items())),
    }
    return outcome


async def _check(wanted: Soaking, stack: Stack, traffic: Traffic, outcome: Outcome) -> Counter[str]:
    """Everything that must hold; dead letters by service, subject and code."""
    names = [status.name for status in stack.statuses()]
    await asyncio.gather(*(stack.wait_ready(name, 60) for name in names))
    async with reader_of(stack, wanted.folder / "data") as reader:
        try:
            recorded = await require_invariants(reader, traffic.acknowledged, within=wanted.rest_seconds)
        except AssertionError as broken:
            outcome.problems.extend(str(broken).splitlines())
            recorded = await reader.read()
    outcome.problems.extend(unasked(recorded, traffic))
    missing = 2 * ((wanted.promotions + 1) // 2) - len(traffic.promotions)
    if missing:
        outcome.problems.append(f"{missing} promotions have no end")
    return Counter(f"{one.service} {one.original_subject.split('.v1')[0]}: {one.code}" for one in recorded.dead)


def unasked(recorded: Recorded, traffic: Traffic) -> list[str]:
    """What is on record and nobody asked for, or ended otherwise than its client was told."""
    found = [
        f"nobody asked for promotion {one}" for one in recorded.promotions.keys() - traffic.acknowledged.promotions
    ]
    found += [f"nobody asked for version {one}" for one in recorded.versions.keys() - traffic.acknowledged.versions]
    for told in traffic.promotions.values():
        kept = recorded.promotions.get(told["promotion_id"], {})
        if kept.get("state") != told["state"]:
            found.append(f"{told['promotion_id']} was {told['state']} and is {kept.get('state')}")
        if told["outcome"] is None:
            found.append(f"{told['promotion_id']} ended without a verdict")
    return sorted(found)


@asynccontextmanager
async def _meanwhile(killer: Killer, traffic: Traffic, wanted: Soaking) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_progress(killer, traffic, wanted))]
    if wanted.kill_every:
        tasks.append(asyncio.create_task(killer.run()))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                traffic.problem(f"beside the promotions: {type(error).__name__}: {error}")


async def _progress(killer: Killer, traffic: Traffic, wanted: Soaking) -> None:
    began, before = time.monotonic(), len(traffic.promotions)
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        done, seconds = len(traffic.promotions), time.monotonic() - began
        sys.stderr.write(
            f"{seconds:6.0f} s  {done}/{wanted.promotions} ended, {(done - before) / seconds:.1f} a second, "
            f"{killer.kills.total()} kills, {traffic.client.repeats.total()} repeats, "
            f"{len(traffic.problems)} problems\n"
        )


async def _handled(stack: Stack) -> Counter[str]:
    found: Counter[str] = Counter()
    for status in stack.statuses():
        if not is_server(status.name):
            try:
                found += await handled(stack.urls[status.name])
            except httpx.HTTPError:
                continue
    return found


def _key(folder: Path) -> keys.PrivateKey:
    path = folder / "tests.key"
    if not path.exists():
        keys.save_private(keys.generate(), path)
    return keys.read_private(path)
