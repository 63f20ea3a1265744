"""Rows 1 to 7: every service dies at every step of the saga, by name, alone and in pairs; then all invariants hold.

`CRASH_AT=<point>` (such as `promotion.verdict-issued.committed`) tries that point alone. `dying_services.py` says what
the moments are; `POINTS` lists what is tried.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import pytest

from contracts.vocabulary import Actor, ActorKind, Role
from shared.identity import Caller, issue_token, load_identity_key
from tests.faults.dying_services import MOMENTS
from tests.support.crash_stack import CrashStack, crash_stack
from tests.support.eventually import eventually
from tests.support.history import kept_history
from tests.support.invariants import require_invariants, trusted_last
from tests.support.watched import Watched

pytestmark = [pytest.mark.servers, pytest.mark.stack]
HANDLING = ("fetched", "before-txn", "uncommitted", "committed", "before-ack")
Drive = Callable[[CrashStack, str], Awaitable[None]]


async def promoting(stack: CrashStack, name: str) -> None:
    """A version goes into its first stage."""
    await stack.create(name)
    assert await stack.promote(name) == "completed"


async def cancelling(stack: CrashStack, name: str) -> None:
    """A promotion that waits for evidence is cancelled."""
    await stack.create(name, tested=False)
    promotion = await stack.request(name)
    path = f"/projects/shop/promotions/{promotion['promotion_id']}"
    await stack.shop.ask("POST", f"{path}/cancel", f"cancel-{name}", json={"reason": "changed my mind"})
    assert (await stack.shop.follow(promotion))["state"] == "cancelled"


async def expiring(stack: CrashStack, name: str) -> None:
    """A promotion waits for evidence until its deadline."""
    await stack.create(name, tested=False)
    promotion = await stack.request(name, patience=2)
    assert (await stack.shop.follow(promotion))["state"] == "expired"


async def refusing(stack: CrashStack, name: str) -> None:
    """The registry refuses the move, since a stage was put in between meanwhile: what was applied is taken back."""
    await stack.create(name, tested=False)
    promotion = await stack.request(name)
    stages = [{"name": "dev", "open": ["entry", "exit"]}, {"name": "qa"}, {"name": "prod"}]
    first = [{"name": f"s{name.replace('.', '-')}", "open": ["entry", "exit"]}, *stages]
    lifecycle = "/projects/shop/lifecycles/default"
    await stack.shop.ask("PUT", lifecycle, f"with-{name}", json={"stages": first})
    await stack.submit(name)
    assert (await stack.shop.follow(promotion))["state"] == "failed"
    await stack.shop.ask("PUT", lifecycle, f"without-{name}", json={"stages": stages})


async def reporting(stack: CrashStack, name: str) -> None:
    """A pipeline reports an incident, and does not stop before the stream has it."""
    key = await asyncio.to_thread(load_identity_key, Path(stack.stack.env["gateway"]["HALLMARK_IDENTITY_KEY"]))
    pipeline = Caller(Actor(subject="ci", kind=ActorKind.PIPELINE), {"shop": frozenset({Role.CONTRIBUTOR})})
    token = issue_token(key, "gateway", pipeline, now=datetime.now(UTC), lifetime=timedelta(minutes=30))
    context = {
        "specversion": "0.5.1",
        "id": name,
        "source": "/ci",
        "type": "dev.cdevents.incident.detected.0.2.0",
        "timestamp": "2026-11-23T09:00:00Z",
    }
    named = {"hallmark": {"project": "shop", "application": "web"}}
    event = {"context": context, "subject": {"id": name, "content": {}}, "customData": named}
    env = stack.stack.servers.env("pipeline")
    connection = await nats.connect(
        env["HALLMARK_NATS_URL"],
        user=env["HALLMARK_NATS_USER"],
        password=env["HALLMARK_NATS_PASSWORD"],
        inbox_prefix="_INBOX_pipeline",
    )
    try:
        for _ in range(2):
            headers = {"authorization": f"Bearer {token}"}
            await connection.jetstream().publish("hallmark.in.cdevents", json.dumps(event).encode(), headers=headers)
    finally:
        await connection.close()

    async def told() -> int:
        recorded = await stack.reader.read()
        return sum(one.json()["incident_id"] == name for one in recorded.facts_of("incident.opened"))

    assert await eventually(told, within=60) == 1, "published twice, counted once"


async def alerting(stack: CrashStack, name: str) -> None:
    """A flaw is found in a release, somebody deals with it, and it is taken back: one alert, each step told once."""
    watched = Watched(stack, name)
    await watched.released()
    await watched.flawed(1)
    alert = await watched.alert("open")
    await watched.acknowledged(alert["alert_id"])
    await watched.flawed(2, withdrawn="2026-05-02T00:00:00Z")
    closed = await watched.alert("closed")
    assert (closed["alert_id"], closed["closed_by"], closed["met"]) == (alert["alert_id"], "withdrawn", True)
    told = await eventually(watched.told, lambda found: found["alert.closed"], within=60)
    assert told == {"alert.opened": 1, "alert.changed": 1, "alert.closed": 1}


def _points(service: str, step: str, drive: Drive, *moments: str) -> list[tuple[str, Drive]]:
    return [(f"{service}.{step}.{moment}", drive) for moment in moments]


POINTS: dict[str, list[tuple[str, Drive]]] = {
    "ingest": [
        *_points("registry", "in-cdevents", reporting, *HANDLING),
        *_points("registry", "incident-opened", reporting, "published"),
        *_points("registry", "version-create", promoting, *HANDLING),
        *_points("registry", "version-created", promoting, "published"),
        *_points("evidence", "record-submit", promoting, *HANDLING),
        *_points("evidence", "record-added", promoting, "published"),
    ],
    "registry": [
        *_points("registry", "version-move", promoting, *HANDLING),
        *_points("registry", "version-moved", promoting, "published"),
        *_points("registry", "move-refused", refusing, "published"),
    ],
    "evidence": [
        *_points("evidence", "passage-attest", promoting, *HANDLING),
        *_points("evidence", "passage-attested", promoting, "published"),
        *_points("evidence", "verdict-issued", promoting, *HANDLING),
        *_points("evidence", "promotion-completed", promoting, *HANDLING),
        *_points("evidence", "passage-withdraw", refusing, *HANDLING),
        *_points("evidence", "passage-withdrawn", refusing, "published"),
    ],
    "gate": [
        *_points("gate", "record-added", promoting, *HANDLING),
        *_points("gate", "gates-evaluate", promoting, *HANDLING),
        *_points("gate", "verdict-issued", promoting, "published"),
        *_points("gate", "verdict-confirm", promoting, "fetched", "before-ack"),
    ],
    "promotion": [
        *_points("promotion", "promotion-request", promoting, *HANDLING),
        *_points("promotion", "gates-evaluate", promoting, "published"),
        *_points("promotion", "verdict-issued", promoting, *HANDLING),
        *_points("promotion", "passage-attest", promoting, "published"),
        *_points("promotion", "passage-attested", promoting, *HANDLING),
        *_points("promotion", "version-move", promoting, "published"),
        *_points("promotion", "version-moved", promoting, *HANDLING),
        *_points("promotion", "promotion-completed", promoting, "published"),
        *_points("promotion", "promotion-cancel", cancelling, *HANDLING),
        *_points("promotion", "promotion-ended", cancelling, "published"),
        *_points("promotion", "move-refused", refusing, *HANDLING),
        *_points("promotion", "passage-withdraw", refusing, "published"),
        *_points("promotion", "passage-withdrawn", refusing, *HANDLING),
        *_points("promotion", "duty", expiring, "before-txn", "uncommitted", "committed"),
    ],
    "monitoring": [
        *_points("monitoring", "version-created", promoting, "fetched", "uncommitted"),
        *_points("monitoring", "version-moved", promoting, *HANDLING),
        *_points("monitoring", "promotion-completed", promoting, *HANDLING),
        *_points("monitoring", "record-added", promoting, "before-txn", "committed"),
    ],
    "alerts": [
        *_points("monitoring", "release-trusted", alerting, *HANDLING),
        *_points("monitoring", "advisory-import", alerting, *HANDLING),
        *_points("monitoring", "alert-opened", alerting, "published"),
        *_points("monitoring", "trust-changed", alerting, "published"),
        *_points("monitoring", "alert-acknowledge", alerting, *HANDLING),
        *_points("monitoring", "alert-changed", alerting, "published"),
        *_points("monitoring", "alert-closed", alerting, "published"),
    ],
}
TWO_AT_ONCE = list(itertools.combinations(("registry", "evidence", "gate", "promotion"), 2))
FAST = (
    "registry.version-move.committed",
    "evidence.passage-attested.published",
    "gate.gates-evaluate.committed",
    "promotion.verdict-issued.before-ack",
    "monitoring.alert-opened.published",
)


def chosen(points: list[tuple[str, Drive]]) -> Iterator[tuple[str, Drive]]:
    """Those that `CRASH_AT` names, or all."""
    only = os.environ.get("CRASH_AT")
    return ((point, drive) for point, drive in points if only in {None, point})


async def die_at(stack: CrashStack, points: Iterator[tuple[str, Drive]]) -> None:
    """One death at each point, in the middle of what leads there; afterwards everything holds."""
    for number, (point, drive) in enumerate(points):
        began = time.monotonic()
        stack.arm(point)
        await drive(stack, f"1.{number}")
        await stack.died()
        await stack.ready()
        recorded = await require_invariants(stack.reader, stack.done)
        assert not trusted_last(recorded)
        print(f"  {point}: {time.monotonic() - began:.1f} s", flush=True)  # noqa: T201 - minutes of silence say nothing


def test_every_named_moment_is_one_that_exists() -> None:
    named = [point for points in POINTS.values() for point, _ in points]
    assert {point.rpartition(".")[2] for point in named} == set(MOMENTS)
    assert set(FAST) <= set(named)
    assert len(set(named)) == len(named)


@pytest.mark.faults
@pytest.mark.parametrize("who", POINTS)
async def test_01_to_06_a_service_dies_at_each_step(tmp_path: Path, request: pytest.FixtureRequest, who: str) -> None:
    with kept_history(request.node.nodeid) as history:
        async with crash_stack(tmp_path, history) as stack:
            await die_at(stack, chosen(POINTS[who]))


async def test_01_to_06_one_death_of_each_service(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    points = dict(itertools.chain.from_iterable(POINTS.values()))
    with kept_history(request.node.nodeid) as history:
        async with crash_stack(tmp_path, history) as stack:
            await die_at(stack, chosen([(point, points[point]) for point in FAST]))


@pytest.mark.faults
async def test_07_two_services_die_at_once(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with kept_history(request.node.nodeid) as history:
        async with crash_stack(tmp_path, history) as stack:
            for number, pair in enumerate(TWO_AT_ONCE):
                names = [f"1.{number}.{place}" for place in range(3)]
                for name in names:
                    await stack.create(name)
                for name in names:
                    under_way = asyncio.create_task(stack.promote(name))
                    await asyncio.sleep(history.choices.random() * 0.2)
                    first, second = pair if history.choices.random() < 0.5 else reversed(pair)
                    await asyncio.gather(stack.kill(first), stack.kill(second))
                    assert await under_way == "completed"
                await stack.ready()
                await require_invariants(stack.reader, stack.done)
