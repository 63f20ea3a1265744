"""Pages of the console with much behind them: what the server takes for each, beside the database's part of it.

A whole local stack gets 1,000 applications, 100,000 versions and 1,000,000 pieces of evidence, and every page that the
console has is asked for many times, one after the other. How to read the figures: docs/architecture/console-speed.md.
`--json` prints them as JSON; `--applications`, `--versions`, `--evidence` and `--logged` ask for less.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
from pymongo import MongoClient

from benchmarks.console_floor import Listener
from benchmarks.console_platform import make_platform
from benchmarks.console_scene import APPLICATION as NAME
from benchmarks.console_scene import KINDS, Maker
from benchmarks.copies import APPLICATION, OWN, Steps, Wanted, everything, multiply, queue_entries, wait_for_log
from benchmarks.promotions import Clockwork
from benchmarks.timing import share, timed
from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from services.gateway.console.pages import ROUTERS

Show = Callable[[str], None]
Found = dict[str, Any]
AIM_MS = 100.0
_SHARES = {"past": 0.2, "denied": 0.1}
"""Of all versions; one of each application is `current` and one `waiting`, the rest are `early`."""
_STREAMS = {"/news"}
"""Pages that do not end."""
_QUERIES = {
    "/": ("?name=app-17", "?owner=team-bench", "?criticality=high"),
    "/log": ("?project=bench", "?about=bench/app-1000/2.10000.0"),
    "/log/consistency": ("?first={first}&second={second}",),
    "/log/consistency.json": ("?first={first}&second={second}",),
    "/projects/{project}/applications/{application}/forecast": ("?version=4.10000.0",),
    "/risk/exposure": ("?q=pkg:pypi/ink", "?q=GHSA-bench"),
}
"""Questions beside the pages as they open."""
_NEXT = re.compile(r'href="([^"]*[?&](?:after|before)=[^"]*)"')
_WORST = 5
_IDLE_SECONDS = 15
_SOON = timedelta(hours=1)
_LOOKED_AT: dict[str, Found] = {"admissions": {}, "evaluations": {"open": True}, "readiness": {}}
"""Where the gate keeps when it will look again, and at which of them."""


def paths() -> list[str]:
    """Every path of the console that is looked at."""
    return [
        route.path  # type: ignore[attr-defined]
        for router in ROUTERS
        for route in router.routes
        if "GET" in route.methods and route.path not in _STREAMS  # type: ignore[attr-defined]
    ]


async def quiet(client: MongoClient[Any]) -> Any:
    """Everything there is, once nothing is added any more."""
    before = await asyncio.to_thread(everything, client)
    while True:
        await asyncio.sleep(2)
        soon = {"look_at": {"$lte": datetime.now(UTC) + _SOON}}
        if any(client[f"{OWN}gate"][name].count_documents(soon | those) for name, those in _LOOKED_AT.items()):
            continue  # Copies of what is about to be judged again would keep the gate busy for long.
        now = await asyncio.to_thread(everything, client)
        if all(before.get(place, {}).keys() == documents.keys() for place, documents in now.items()):
            return now
        before = now


async def make(maker: Maker, client: MongoClient[Any], evidence: int, show: Show) -> Steps:
    """The scene, step by step."""
    steps = Steps({APPLICATION: NAME.encode()} | {kind: name.encode() for kind, name in KINDS.items()})
    await maker.set_up()
    steps.note("", await quiet(client))
    await maker.application()
    steps.note(APPLICATION, await quiet(client))
    for kind in KINDS:
        await maker.version(kind, evidence)
        steps.note(kind, await quiet(client))
        show(f"made what is {kind}")
    await maker.advise()
    steps.note_consequences(await quiet(client))
    await maker.look_up()
    return steps


def wanted_of(arguments: argparse.Namespace) -> Wanted:
    """How many of which."""
    each = arguments.versions // arguments.applications
    versions = {"current": 1, "waiting": 1} | {kind: max(1, int(each * part)) for kind, part in _SHARES.items()}
    versions["early"] = max(1, each - sum(versions.values()))
    return Wanted(arguments.applications, versions, arguments.logged, young=frozenset({"waiting"}))


class Pages:
    """Asks for pages as somebody signed in."""

    def __init__(self, http: httpx.AsyncClient, listener: Listener, stack: Stack, times: int) -> None:
        self._http, self._listener, self._stack, self._times = http, listener, stack, times
        self._idle: dict[str, float] = {}
        """Processor milliseconds of each process in a second in which nobody asks."""

    async def sign_in(self, token: str) -> None:
        """Begin a session. Raises when it is refused."""
        answer = await self._http.post("/sign-in", data={"token": token})
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise RuntimeError(answer.text)

    async def learn(self) -> dict[str, float]:
        """Find out what goes on anyway."""
        clockwork = Clockwork(self._stack)
        await self._listener.learn(lambda: asyncio.sleep(_IDLE_SECONDS))
        self._idle = clockwork.per(_IDLE_SECONDS)
        return self._idle

    async def measured(self, path: str) -> tuple[Found, str]:
        """What a page takes, and the page."""
        first = await self._http.get(path)
        if first.status_code not in (200, 303):
            return {"status": first.status_code, "not_measured": "the page says no"}, ""
        await self._http.get(path)
        clockwork, began = Clockwork(self._stack), time.monotonic()
        took = await timed(self._times, lambda _: self._http.get(path))
        seconds = (time.monotonic() - began) / self._times
        processor = {
            name: round(max(0.0, one - self._idle.get(name, 0) * seconds), 1)
            for name, one in clockwork.per(self._times).items()
        }
        asked = await self._listener.hear(lambda: self._http.get(path))
        floor = await asyncio.to_thread(self._listener.floor, asked)
        told = sorted((one.told() for one in asked), key=lambda one: -(one["docs_examined"] + one["keys_examined"]))
        found = {
            "status": first.status_code,
            "bytes": len(first.content),
            "p50_ms": share(took, 0.5),
            "p95_ms": share(took, 0.95),
            "p99_ms": share(took, 0.99),
            "floor_ms": floor,
            "p50_to_floor": round(share(took, 0.5) / floor, 1) if floor else None,
            "processor_ms": processor,
            "commands": len(asked),
            "writes": sum(not one.is_read for one in asked),
            "docs_examined": sum(one["docs_examined"] for one in told),
            "keys_examined": sum(one["keys_examined"] for one in told),
            "load": round(os.getloadavg()[0], 1),
            "most_examined": told[:_WORST],
        }
        return found, first.text

    async def _checkpoints(self) -> dict[str, str]:
        """Two states of the log."""
        shown = await self._http.get("/log/checkpoints")
        sizes = sorted({int(one) for one in re.findall(r'value="(\d+)"', shown.text)})
        return {"first": str(sizes[0]), "second": str(sizes[-1])} if sizes else {}

    async def all(self, parts: dict[str, str], show: Show) -> Found:
        """Every page, its questions, and the page that follows it."""
        found: Found = {}
        for template in paths():
            missing = set(re.findall(r"{(\w+)}", template)) - parts.keys()
            if missing:
                found[template] = {"not_measured": f"nothing here has a {', '.join(sorted(missing))}"}
                continue
            path = template.format(**parts)
            found[template], text = await self.measured(path)
            if template == "/log/checkpoints.json":
                parts |= await self._checkpoints()
            show(told_of(template, found[template]))
            following = [unescape(one) for one in _NEXT.findall(text)]
            more = {f"{template}{query}": f"{path}{query.format(**parts)}" for query in _QUERIES.get(template, ())}
            more |= {f"{template}, the next": following[0]} if following else {}
            for name, other in more.items():
                found[name], _ = await self.measured(str(httpx.URL(str(self._http.base_url)).join(path).join(other)))
                show(told_of(name, found[name]))
        return found


def told_of(name: str, one: Found) -> str:
    """One line about a page."""
    if "not_measured" in one:
        return f"{name:75} not measured ({one.get('status', '-')}): {one['not_measured'][:80]}"
    over = "  ABOVE" if one["p95_ms"] > AIM_MS else ""
    return (
        f"{name:75} p50 {one['p50_ms']:7} p95 {one['p95_ms']:7} p99 {one['p99_ms']:7} floor {one['floor_ms']:6}"
        f" cpu {one['processor_ms']['all']:6} commands {one['commands']:3} docs {one['docs_examined']:6}"
        f" keys {one['keys_examined']:6}{over}"
    )


async def seed(
    maker: Maker, stack: Stack, client: MongoClient[Any], arguments: argparse.Namespace, show: Show
) -> dict[str, int]:
    """Everything that is to be there; how many documents each collection has got."""
    # One of each kind at least: an advisory finds only what somebody has taken stock of.
    evidence = max(3, arguments.evidence // arguments.versions)
    steps, wanted = await make(maker, client, evidence, show), wanted_of(arguments)
    began = time.monotonic()
    made = await asyncio.to_thread(multiply, client, steps, wanted, show)
    made["evidence.log_entries"] = await asyncio.to_thread(queue_entries, client, steps, wanted)
    await asyncio.to_thread(wait_for_log, client, show)
    await make_platform(maker, stack)
    show(f"seeded within {time.monotonic() - began:.0f} s")
    return made


async def measure_console(arguments: argparse.Namespace, show: Show) -> Found:
    """Everything, on one stack."""
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as folder:
        data = Path(folder) / "data"
        async with running_stack(stack_options(data, usual_ports=False)) as stack:
            token = (data / "secrets/admin-token").read_text(encoding="utf-8").strip()
            maker = Maker(stack, token)
            with MongoClient[Any](stack.servers.mongo_root_url) as client:
                made = await seed(maker, stack, client, arguments, show)
                asking = Pages(a_browser(stack), Listener(client), stack, arguments.times)
                await asking.sign_in(token)
                found = {"load_average": os.getloadavg(), "idle_processor_ms_per_s": await asking.learn()}
                found["pages"] = await asking.all(maker.found, show)
    return {**found, "load_average_after": os.getloadavg(), "documents": made}


def a_browser(stack: Stack) -> httpx.AsyncClient:
    """Asks for pages, one after the other."""
    return httpx.AsyncClient(base_url=stack.urls["gateway"], timeout=120, headers={"accept": "text/html"})


if __name__ == "__main__":
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--json", action="store_true", help="print everything as JSON")
    reader.add_argument("--applications", type=int, default=1_000)
    reader.add_argument("--versions", type=int, default=100_000)
    reader.add_argument("--evidence", type=int, default=1_000_000)
    reader.add_argument("--logged", type=int, default=200_000, help="log entries, at most")
    reader.add_argument("--times", type=int, default=40, help="how often each page is asked for")
    chosen = reader.parse_args()
    result = asyncio.run(measure_console(chosen, lambda text: print(text, file=sys.stderr, flush=True)))
    lines = [told_of(name, one) for name, one in result["pages"].items()]
    print(json.dumps(result, indent=2) if chosen.json else "\n".join(lines))
