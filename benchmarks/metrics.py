"""Metrics: what each question takes with ever more facts, beside reading as many buckets by their index.

Facts are spread over three years, ten projects and two hundred applications, ten deployments to one incident. They are
put in as the handlers leave them: what a fact counts is computed by the domain, which sums that changes is told by the
repository, and each sum is written once, when hardly any fact can change it any more. Each question is for the last 90
days; how to read the figures: docs/architecture/metrics.md. `--all` has a million facts, too.

- `floor`: one read of the same buckets by the same range of keys, in the same run, with nothing done to them.
- `cpu_ms`: this process's part of the answer; on a machine that others use, too, it tells more than the clock.
- `p50_to_floor`: how many times that the whole answer takes: facts at hand, percentiles, bands, the answer's model.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.timing import share, timed
from contracts.headers import Meta
from contracts.monitoring.v1.metrics import MetricPeriod, ShowDelivery, ShowFlow
from contracts.vocabulary import Actor, ActorKind, PromotionKind, Role
from deploy.local.servers import running_servers
from deploy.rights import all_rights
from services.monitoring.app import SERVICE
from services.monitoring.domain.buckets import Entry, changes
from services.monitoring.domain.delivery import Deployment
from services.monitoring.domain.linking import Counted, Fault, Link, entries
from services.monitoring.domain.sketch import cell
from services.monitoring.handlers.metrics import show_delivery, show_flow
from services.monitoring.storage.aggregates import METRIC_DAYS, Kind, increments
from services.monitoring.storage.delivery import DEPLOYMENTS
from services.monitoring.storage.failures import FAULTS
from services.monitoring.storage.kept_sums import METRIC_SPANS
from services.monitoring.storage.unit_of_work import MonitoringWork
from shared.identity import EVERYWHERE, Caller
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Collection, Database, Document, connect
from shared.service import TECHNICAL_INDEXES

SIZES = (1_000, 10_000, 100_000)
LARGEST = 1_000_000
Q = TypeVar("Q")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
YEARS = timedelta(days=3 * 365)
PROJECTS, APPLICATIONS = 10, 20
RUNS = 15
_AT_ONCE = 5_000
_SETTLED = timedelta(days=3)
"""So long after a deployment nearly all of its incidents have ended."""
_ROLLED_BACK, _DENIED, _FAILS = 0.05, 0.1, 11
_CHANCE = random.Random(15)  # noqa: S311 - no secret


def facts(many: int) -> Iterator[tuple[str, str, Document, Document | None, list[Entry], list[Entry]]]:
    """Deployments, the oldest first, some with an incident: rows, and what they count for delivery and for flow."""
    for number, ago in enumerate(sorted((_CHANCE.random() for _ in range(many)), reverse=True)):
        project, application = f"p{number % PROJECTS}", f"a{number // PROJECTS % APPLICATIONS}"
        at = NOW - ago * YEARS
        committed_at = at - timedelta(seconds=_CHANCE.lognormvariate(11.5, 1.2))
        kind = PromotionKind.ROLLBACK if _CHANCE.random() < _ROLLED_BACK else PromotionKind.RELEASE
        one = Deployment(f"d{number}", application, f"v{number}", at, kind, committed_at)
        fails = number % _FAILS == 0
        counted = Counted(one, incidents=int(fails))
        named = {"project": project, "application": application}
        row = {
            **named,
            "_id": one.id,
            "version": one.version,
            "kind": kind.value,
            "committed_at": committed_at,
            "at": at,
            "incidents": counted.incidents,
        }
        counts, fault = list(counted.entries()), None
        if fails:
            ended = at + timedelta(seconds=_CHANCE.lognormvariate(8.5, 1.3))
            said, link = Fault(f"i{number}", at, one.version, ended), Link(one.id, at, ended)
            counts += entries(said, link)
            fault = {**named, "_id": f"{project}|{application}|incident|i{number}", "fact": said.id, "at": at}
            fault |= {"version": one.version, "resolved_at": ended, "rollback": False}
            fault |= {"owner": one.id, "owner_at": at, "ended_at": ended, "fix": None}
        yield project, application, row, fault, counts, list(_flow(at))


def _flow(at: datetime) -> Iterator[Entry]:
    for on in ("queue", "gates", "approval", "applying"):
        seconds = _CHANCE.lognormvariate(6, 2)
        yield Entry(at, {f"wait:{on}:{cell(seconds)}": 1, f"waited:{on}": round(seconds)})
    took = cell(_CHANCE.lognormvariate(9, 1.5))
    yield Entry(at, {"ended:completed": 1, f"took:{took}": 1, f"dwell:qa:{took}": 1, "judged:prod:entry": 1})
    if _CHANCE.random() < _DENIED:
        yield Entry(at, {f"denied:prod-entry/rule-{_CHANCE.randrange(30)}": 1})


class Sums:
    """Sums of facts that come in order, written once each."""

    def __init__(self, days: Collection) -> None:
        self._days = days
        self._waiting: dict[str, Counter[str]] = {}
        self._written: set[str] = set()

    def add(self, kind: Kind, project: str, application: str, entries: Iterable[Entry]) -> None:
        """Count what a fact counts."""
        for key, counts in increments(kind, project, application, changes((), entries)).items():
            self._waiting.setdefault(key, Counter()).update(counts)

    async def write(self, before: datetime) -> None:
        """Keep the sums of the days before a moment; a late one is added to what is kept already."""
        day = str(before.date())
        done = {key: self._waiting.pop(key) for key in [*self._waiting] if key.split("|")[2] < day}
        again = {key: counts for key, counts in done.items() if key in self._written}
        late = [({"_id": key}, {"$inc": {**counts, "revision": 1}}) for key, counts in again.items()]
        await self._days.add_all([_bucket(key, done[key]) for key in done.keys() - self._written])
        await self._days.update_each(late)
        self._written |= done.keys()


def _bucket(key: str, counts: Mapping[str, int]) -> Document:
    """As MongoDB makes it of increments."""
    found: Document = {"_id": key, "revision": 1, "whole": {}, "quarters": {}}
    for path, count in counts.items():
        part, _, name = path.partition(".")
        if part == "whole":
            found["whole"][name] = count
        else:
            quarter, _, name = name.partition(".")
            found["quarters"].setdefault(quarter, {})[name] = count
    return found


async def seed(database: Database, many: int) -> None:
    """So many facts and no others, without waiting for the disk."""
    for name in (DEPLOYMENTS, FAULTS, METRIC_DAYS, METRIC_SPANS):
        await database.collection(name).remove({})
    deployments, faults = database.hasty_collection(DEPLOYMENTS), database.hasty_collection(FAULTS)
    sums = Sums(database.hasty_collection(METRIC_DAYS))
    source = facts(many)
    while chunk := list(islice(source, _AT_ONCE)):
        await deployments.add_all([one[2] for one in chunk])
        await faults.add_all([one[3] for one in chunk if one[3]])
        for project, application, _, _, delivery, flow in chunk:
            sums.add(Kind.DELIVERY, project, application, delivery)
            sums.add(Kind.FLOW, project, application, flow)
        await sums.write(chunk[-1][2]["at"] - _SETTLED)
    await sums.write(NOW + YEARS)


def a_work(database: Database) -> MonitoringWork:
    """What a question works with."""
    caller = Caller(Actor(subject="bench", kind=ActorKind.HUMAN), {EVERYWHERE: frozenset({Role.VIEWER})})
    meta = Meta(message_id="bench", correlation_id="bench", source="/bench", time=NOW)
    return MonitoringWork(UnitOfWork("monitoring", database, None, meta, NOW, caller))


def questions(work: MonitoringWork) -> dict[str, tuple[Kind, str, Callable[[int], Awaitable[Any]]]]:
    """What is asked, of which buckets."""
    since = NOW - timedelta(days=90)
    week, day = {"by": MetricPeriod.WEEK, "since": since}, {"by": MetricPeriod.DAY, "since": since}
    scopes: dict[str, dict[str, str]] = {
        "p0/a0": {"project": "p0", "application": "a0"},
        "p0": {"project": "p0"},
        "*": {},
    }
    found: dict[str, tuple[Kind, str, Callable[[int], Awaitable[Any]]]] = {}
    for scope, named in scopes.items():
        delivery = ShowDelivery.model_validate({**named, **week})
        flow = ShowFlow.model_validate({**named, **week})
        found[f"delivery by week, {scope}"] = (Kind.DELIVERY, scope, _asking(show_delivery, delivery, work))
        found[f"flow by week, {scope}"] = (Kind.FLOW, scope, _asking(show_flow, flow, work))
    zoned = ShowDelivery.model_validate({**scopes["p0"], **day, "zone": "Asia/Kathmandu"})
    found["delivery by day in a zone, p0"] = (Kind.DELIVERY, "p0", _asking(show_delivery, zoned, work))
    return found


def _asking(
    show: Callable[[Q, MonitoringWork], Awaitable[Any]], query: Q, work: MonitoringWork
) -> Callable[[int], Awaitable[Any]]:
    return lambda _: show(query, work)


def _reading(buckets: Collection, keys: Document, only: Document) -> Callable[[int], Awaitable[Any]]:
    return lambda _: buckets.every({"_id": keys}, only=only)


async def measured(work: MonitoringWork) -> dict[str, Any]:
    """Each question and its floor, turn by turn."""
    buckets = work.unit.collection(METRIC_DAYS)
    answers: dict[str, Any] = {}
    for name, (kind, scope, ask) in questions(work).items():
        first = (NOW - timedelta(days=97)).date()
        keys = {"$gte": f"{kind}|{scope}|{first}|", "$lte": f"{kind}|{scope}|{NOW.date()}|~"}
        only = {"quarters" if "zone" in name else "whole": 1}
        took, floor, cpu, read = [], [], [], 0
        await work.unit.collection(METRIC_SPANS).remove({})
        [first_ms] = await timed(1, ask)
        for _ in range(RUNS):
            began = time.process_time()
            took += await timed(1, ask)
            cpu.append((time.process_time() - began) * 1000)
            floor += await timed(1, _reading(buckets, keys, only))
            read = len(await buckets.every({"_id": keys}, only={"_id": 1}))
        took, floor = sorted(took), sorted(floor)
        answers[name] = {
            "buckets": read,
            "first_ms": round(first_ms, 1),
            "p50_ms": share(took, 0.5),
            "p99_ms": share(took, 0.99),
            "cpu_ms": share(sorted(cpu), 0.5),
            "floor_ms": share(floor, 0.5),
            "p50_to_floor": round(share(took, 0.5) / share(floor, 0.5), 1),
        }
    return answers


async def measure_metrics(sizes: tuple[int, ...], show: Callable[[str], None]) -> dict[str, Any]:
    """All of it, on a MongoDB of its own."""
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as folder:
        async with (
            running_servers(Path(folder) / "data", all_rights([SERVICE]), ["monitoring"]) as servers,
            connect(servers.mongo_urls["monitoring"], "hallmark_monitoring", application="bench") as database,
        ):
            await database.create_indexes({**TECHNICAL_INDEXES, **SERVICE.indexes})
            work = a_work(database)
            found: dict[str, Any] = {}
            for size in sizes:
                began = time.perf_counter()
                await seed(database, size)
                show(f"{size:,} facts after {time.perf_counter() - began:.0f} s")
                found[f"{size}"] = {"load": round(os.getloadavg()[0], 1), **await measured(work)}
                show(f"{size:,} facts: {json.dumps(found[f'{size}'])}")
    small, large = found[f"{sizes[0]}"], found[f"{sizes[-1]}"]
    growth = {name: round(large[name]["p50_ms"] / small[name]["p50_ms"], 1) for name in small if name != "load"}
    return {"facts": found, "largest_to_smallest": growth}


if __name__ == "__main__":
    wanted = (*SIZES, LARGEST) if "--all" in sys.argv[1:] else SIZES
    print(json.dumps(asyncio.run(measure_metrics(wanted, lambda text: print(text, file=sys.stderr))), indent=2))
