"""Rows 30, 31, 33 and 42: everything is told again, the gate hangs, and everybody is asked to stop in the middle."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nats
import pytest

from shared.mongo import connect
from tests.support.crash_stack import CrashStack, crash_stack
from tests.support.eventually import eventually
from tests.support.history import kept_history
from tests.support.invariants import require_invariants
from tests.support.recorded import SERVICES

pytestmark = [pytest.mark.servers, pytest.mark.stack, pytest.mark.faults]
READ_MODELS = {
    "monitoring": ("releases", "versions", "delivery", "sboms"),
    "gate": ("dossiers", "evidence", "versions", "verdicts"),
    "registry": ("versions", "standings"),
    "evidence": ("records", "positions", "log_entries"),
    "promotion": ("promotions", "claims"),
}
STOPPED_WITHIN_SECONDS = 25


@pytest.fixture
async def stack(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[CrashStack]:
    with kept_history(request.node.nodeid) as history:
        async with crash_stack(tmp_path, history) as made:
            yield made


async def models(stack: CrashStack) -> dict[str, dict[Any, Any]]:
    """All that the services have made of what they heard."""
    found: dict[str, dict[Any, Any]] = {}
    for service, names in READ_MODELS.items():
        async with connect(stack.reader.mongo_url, f"hallmark_{service}", application="test") as database:
            for name in names:
                documents = await database.collection(name).every({})
                found[f"{service}.{name}"] = {one["_id"]: one for one in documents}
            found[f"{service}.outbox"] = dict.fromkeys(
                one["_id"] for one in await database.collection("outbox").every({})
            )
    return found


async def tell_everything_again(stack: CrashStack) -> int:
    """Publish every fact again, by whoever said it, so that the stream takes it for a new message."""
    told = 0
    facts = (await stack.reader.read()).facts
    for service in SERVICES:
        env = stack.stack.servers.env(service)
        connection = await nats.connect(
            env["HALLMARK_NATS_URL"],
            user=env["HALLMARK_NATS_USER"],
            password=env["HALLMARK_NATS_PASSWORD"],
            inbox_prefix=f"_INBOX_{service}",
        )
        for one in facts:
            if one.subject.startswith(f"hallmark.evt.{service}."):
                headers = {"ce-id": one.message_id, "hallmark-correlation-id": "again"}
                await connection.jetstream().publish(one.subject, one.body, headers=headers)
                told += 1
        await connection.close()
    return told


async def test_30_31_a_replay_of_all_facts_has_no_effect_and_read_models_stay_as_they_are(stack: CrashStack) -> None:
    for number in range(3):
        await stack.create(f"1.{number}")
        for stage in ("dev", "qa"):
            assert await stack.promote(f"1.{number}", stage) == "completed"
    before = await require_invariants(stack.reader, stack.done)
    made = await models(stack)
    assert await tell_everything_again(stack) == len(before.facts)
    await stack.create("2.0")  # Traffic goes on meanwhile.
    assert await stack.promote("2.0") == "completed"
    await eventually(stack.reader.restless, lambda left: not left, within=90)
    again = await models(stack)
    for name, documents in made.items():
        changed = [key for key, one in documents.items() if again[name].get(key) != one]
        assert changed in ([], ["shop/web/dev"]), f"{name}: {changed}"  # 2.0 is current there now.
    after = await stack.reader.read()
    assert not after.dead
    assert len({one.message_id for one in after.facts}) < len(after.facts), "the stream did take them"


async def test_33_a_gate_that_hangs_lets_nobody_through_and_a_late_verdict_changes_nothing(stack: CrashStack) -> None:
    for name in ("1.0", "1.1"):
        await stack.create(name)
    await eventually(stack.reader.restless, lambda left: not left, within=60)
    await stack.stack.kill("gate", signal.SIGSTOP)
    stack.history.note("gate stopped")
    waiting = await stack.request("1.0")

    look = f"/projects/shop/promotions/{waiting['promotion_id']}"
    assert (await stack.shop.ask("GET", look)).json()["state"] == "checking"
    await stack.stack.kill("gate", signal.SIGCONT)
    assert (await stack.shop.follow(waiting))["state"] == "completed"

    await stack.stack.kill("gate", signal.SIGSTOP)
    late = await stack.request("1.1", patience=2)
    assert (await stack.shop.follow(late))["state"] == "expired"
    await stack.stack.kill("gate", signal.SIGCONT)
    recorded = await require_invariants(stack.reader, stack.done)
    assert recorded.promotions[late["promotion_id"]]["state"] == "expired", "what comes late changes nothing"
    assert recorded.versions["shop/web/1.1"]["stage"] is None


async def test_42_everybody_stops_when_asked_to_and_nothing_is_lost(stack: CrashStack) -> None:
    names = [f"1.{number}" for number in range(6)]
    for name in names:
        await stack.create(name)
    under_way = asyncio.create_task(_one_after_the_other(stack, names))
    order = list(SERVICES)
    stack.history.choices.shuffle(order)
    for name in order:
        pid, began = stack.stack.pids[name], time.monotonic()
        await stack.stack.kill(name, signal.SIGTERM)
        stack.history.note("asked to stop", process=name)

        async def gone(pid: int = pid, name: str = name) -> bool:
            return stack.stack.pids.get(name) != pid

        await eventually(gone, within=STOPPED_WITHIN_SECONDS)
        stack.history.note("stopped", process=name, seconds=time.monotonic() - began)
        await stack.stack.wait_ready(name, 60)
    assert await under_way == ["completed"] * len(names)
    await require_invariants(stack.reader, stack.done)


async def _one_after_the_other(stack: CrashStack, names: list[str]) -> list[str]:
    return [await stack.promote(name) for name in names]
