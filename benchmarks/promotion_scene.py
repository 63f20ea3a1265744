"""What promotions are measured on: a whole local stack, applications with versions that wait, and ears for what ends.

- Requested over HTTP, as pipelines do; the end is what a subscriber of NATS hears, not what somebody polls.
- The gates are open, so that a verdict is judged and signed, but by no policy: what is measured is the saga.
- A stage of an application holds one promotion at a time, so that each worker has an application of its own.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx
import nats
from nats.aio.msg import Msg

from benchmarks.timing import crowded
from contracts.headers import CE_TIME
from deploy.local.stack import Stack
from deploy.rights import SUBSCRIBER, inbox_of
from shared.digests import sha256_digest

PROJECT = "bench"
LANDMARKS = (
    "promotion.promotion.requested",
    "gate.verdict.issued",
    "evidence.passage.attested",
    "registry.version.moved",
    "promotion.promotion.completed",
)
"""The facts that a promotion passes on its way, in their order."""
_QUIET_SECONDS = 2.0
_PATIENCE_SECONDS = 300.0
_CREATING = 8


class Scene:
    """One project, its applications, and everything that is said about them."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self._ended: dict[str, asyncio.Future[None]] = {}
        self.heard: dict[str, dict[str, tuple[float, float]]] = {}
        """By promotion and landmark: when its transaction read the time, and when it was heard, in seconds."""
        self.heard_at = time.monotonic()

    async def hear(self, msg: Msg) -> None:
        """A fact."""
        self.heard_at = time.monotonic()
        landmark = ".".join(msg.subject.split(".")[2:5])
        if landmark not in LANDMARKS:
            return
        key = json.loads(msg.data)["promotion_id"]
        said = datetime.fromisoformat((msg.headers or {})[CE_TIME]).timestamp()
        self.heard.setdefault(key, {})[landmark] = (said, time.time())
        if landmark == LANDMARKS[-1] and not self._end(key).done():
            self._end(key).set_result(None)

    def _end(self, promotion: str) -> asyncio.Future[None]:
        return self._ended.setdefault(promotion, asyncio.get_running_loop().create_future())

    async def send(self, method: str, path: str, **options: Any) -> Any:
        """What the gateway answers. Raises for any refusal."""
        answer = await self.http.request(method, f"/projects/{PROJECT}{path}", **options)
        answer.raise_for_status()
        return answer.json()

    async def set_up(self) -> None:
        """The project and its lifecycle."""
        stages = [{"name": name, "open": ["entry", "exit"]} for name in ("dev", "qa", "prod")]
        await self.send("PUT", "", json={"title": "Bench"})
        await self.send("PUT", "/lifecycles/default", json={"stages": stages})

    async def application(self, name: str) -> None:
        """An application without versions."""
        await self.send("PUT", f"/applications/{name}", json={})

    async def version(self, application: str, version: str) -> None:
        """A version of one artifact."""
        digest = sha256_digest(f"{application} {version}".encode())
        artifact = {"purl": f"pkg:pypi/{application}@{version}", "digest": digest}
        body = {"version": version, "artifacts": [artifact]}
        await self.send("POST", f"/applications/{application}/versions", json=body)

    async def create(self, load: str, at_once: int, rounds: int) -> None:
        """For each worker of a load an application, and for each round a version of it."""
        gate = asyncio.Semaphore(_CREATING)

        async def one(worker: int) -> None:
            async with gate:
                application = f"{load}-{worker}"
                await self.application(application)
                for number in range(rounds):
                    await self.version(application, f"1.0.{number}")

        await asyncio.gather(*(one(worker) for worker in range(at_once)))
        await self.quiet()

    async def quiet(self) -> None:
        """Return when nothing has been said for a while: what is measured next has the machine to itself."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while await self._said_something_within(_QUIET_SECONDS):
                pass

    async def _said_something_within(self, seconds: float) -> bool:
        before = self.heard_at
        await asyncio.sleep(seconds)
        return self.heard_at != before

    async def promote(self, application: str, version: str) -> str:
        """One promotion, from its request to the moment at which its end is heard; its id."""
        body = {"application": application, "version": version}
        promotion: str = (await self.send("POST", "/promotions", json=body))["promotion_id"]
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self._end(promotion)
        return promotion

    async def load(self, load: str, at_once: int, rounds: int) -> dict[str, Any]:
        """Promote what `create` has made for this load: what it took, and what of it between which facts."""
        self.heard.clear()
        found: dict[str, Any] = await crowded(
            at_once, rounds, lambda worker, number: self.promote(f"{load}-{worker}", f"1.0.{number}")
        )
        await self.quiet()
        return {**found, "stages_ms": stages(list(self.heard.values()))}


def stages(heard: list[dict[str, tuple[float, float]]]) -> dict[str, dict[str, float]]:
    """The median milliseconds from hearing one fact to the transaction of the next, and from there to hearing it."""
    found = {}
    for before, after in pairwise(LANDMARKS):
        whole = [one for one in heard if before in one and after in one]
        worked = [one[after][0] - one[before][1] for one in whole]
        told = [one[after][1] - one[after][0] for one in whole]
        found[f"{before} to {after}"] = {
            "until_begun": round(statistics.median(worked) * 1000, 1),
            "until_heard": round(statistics.median(told) * 1000, 1),
        }
    return found


@asynccontextmanager
async def a_scene(stack: Stack, token: str) -> AsyncIterator[Scene]:
    """A scene in a running stack, set up."""
    async with httpx.AsyncClient(
        base_url=f"{stack.urls['gateway']}/api/v1",
        headers={"authorization": f"Bearer {token}"},
        timeout=_PATIENCE_SECONDS,
        # Shorter than the server keeps idle connections: a request must not meet one that is being closed.
        limits=httpx.Limits(max_connections=None, keepalive_expiry=1.0),
    ) as http:
        scene = Scene(http)
        env = stack.servers.env(SUBSCRIBER)
        connection = await nats.connect(
            env["HALLMARK_NATS_URL"],
            user=env["HALLMARK_NATS_USER"],
            password=env["HALLMARK_NATS_PASSWORD"],
            inbox_prefix=inbox_of(SUBSCRIBER).removesuffix(".>"),
        )
        try:
            await connection.subscribe("hallmark.evt.>", cb=scene.hear)
            await scene.set_up()
            yield scene
        finally:
            await connection.close()
