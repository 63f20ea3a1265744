"""One process that tries a draft on past promotions, page by page, and says how much memory that took.

The past is 1,000 versions with ten pieces of evidence each, each of which was promoted ten times. The draft tolerates
fewer vulnerabilities than the policy it would replace, so that it concerns every verdict and changes all of them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from datetime import timedelta
from functools import partial

from benchmarks import gate_seeds as seeds
from benchmarks.gate_facts import NOW, evidence_of
from benchmarks.gate_scene import Measured, a_gate, asking, in_work, meta, question
from contracts.gate.v1.replays import SimulatePolicy, Simulation
from contracts.gate.v1.views import VerdictView
from services.gate import wire
from services.gate.storage.unit_of_work import GateWork
from shared.clock import utc_now
from shared.messaging.dispatcher import Dispatcher
from shared.messaging.unit_of_work import UnitOfWork
from shared.policy.verdict import DecisionContext, decide

TIMES, PIECES = 10, 10
_PAGE = 200
_SINCE = NOW - timedelta(hours=20)


async def make_past(url: str, versions: int) -> None:
    """Versions, their evidence, and verdicts on them as the gate gives and keeps them."""
    async with a_gate(url) as gate:
        for number in range(versions):
            version = f"1.0.{number}"
            await seeds.add_evidence(gate.database, evidence_of(version, PIECES))
            await in_work(gate, partial(seeds.register, version=version, pieces=PIECES))
            views = await _given(gate, version)
            await in_work(gate, partial(_keep, views=views))


async def _given(gate: Dispatcher[GateWork], version: str) -> list[VerdictView]:
    unit = UnitOfWork("gate", gate.database, None, meta(), utc_now())
    held = await GateWork(unit).dossiers.of(seeds.PROJECT, seeds.APPLICATION, version)
    if held is None:
        raise RuntimeError(f"{version} was not registered")
    asked = question(version, PIECES)
    context = DecisionContext("vd", "rita", asked.positions)
    verdict = decide(seeds.policies(), held.dossier, wire.passages_from(asked.passages), context, _SINCE)
    view = wire.signed_view(asked, verdict, held, gate.equipment)
    named = [(f"vd-{version}-{time_}", f"past-{version}-{time_}") for time_ in range(TIMES)]
    return [view.model_copy(update={"verdict_id": one, "promotion_id": promotion}) for one, promotion in named]


async def _keep(work: GateWork, views: list[VerdictView]) -> None:
    for view in views:
        await work.verdicts.add(view)


async def simulate(url: str) -> Measured:
    """The whole past under a draft."""
    document = seeds.draft()
    async with a_gate(url) as gate:
        began, seen, changed, after, pages = time.perf_counter(), 0, 0, None, []
        while True:
            started = time.perf_counter()
            query = SimulatePolicy(
                project=seeds.PROJECT, document=document, since=_SINCE, until=NOW, after=after, limit=_PAGE
            )
            page = await asking(gate, query, Simulation)
            pages.append((time.perf_counter() - started) * 1000)
            seen, changed, after = seen + page.judged, changed + len(page.changed), page.next
            if page.skipped or page.governed != page.judged:
                raise RuntimeError(f"not everything was judged: {page.skipped[:3]}")
            if after is None:
                break
        took = time.perf_counter() - began
    return {
        "verdicts": seen,
        "changed": changed,
        "seconds": round(took, 1),
        "verdicts_per_s": round(seen / took),
        "page_p50_ms": round(sorted(pages)[len(pages) // 2]),
        "page_max_ms": round(max(pages)),
        "memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


if __name__ == "__main__":
    # As a service process sets it (shared/service.py).
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    print(json.dumps(asyncio.run(simulate(sys.argv[1]))))
