"""Rows 23 to 28 and 32: messages that come again, late, changed, unreadable, that hang, or that are too many."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nats.js.api import StreamConfig

from contracts.answers import Applied
from contracts.any.v1.dead_letters import DeadLetterPage, LetterSummary, ListDeadLetters
from contracts.registry.v1.commands import ApplyProject, MoveVersion
from contracts.streams import TELL
from deploy.provision import stream_config
from shared.errors import Busy, Transient
from shared.messaging import backpressure, binding
from shared.messaging.asking import Asker
from shared.service import Running
from tests.support.builders import a_message
from tests.support.eventually import eventually
from tests.support.ledger import Ledger, ledger_service
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers


@dataclass
class Scene:
    system: System
    run: Running[Any]
    asker: Asker

    async def tell(self, promotion_id: str, message_id: str, body: bytes | None = None) -> None:
        data = a_message(MoveVersion, promotion_id=promotion_id).model_dump_json().encode() if body is None else body
        jetstream = (await self.system.connect("registry")).jetstream()
        await jetstream.publish(MoveVersion.subject, data, stream=TELL.name, headers={"Nats-Msg-Id": message_id})

    async def counted(self, key: str) -> int:
        found = await self.run.database.collection("counts").get(key)
        return int(found["revision"]) if found else 0

    async def idle(self) -> None:
        jetstream = (await self.system.connect("provision")).jetstream()

        async def left() -> int:
            return int((await jetstream.stream_info(TELL.name)).state.messages)

        await eventually(left, lambda count: not count, within=60)

    async def letters(self, count: int) -> list[LetterSummary]:
        async def look() -> list[LetterSummary]:
            with suppress(Transient):
                return list((await self.asker.ask(ListDeadLetters(service="registry"), DeadLetterPage)).letters)
            return []

        return await eventually(look, lambda found: len(found) >= count, within=60)

    async def change_stream(self, **changed: Any) -> None:
        jetstream = (await self.system.connect("provision")).jetstream()
        config: StreamConfig = stream_config(TELL)
        await jetstream.update_stream(config.evolve(**changed))


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(binding, "ACK_WAIT_SECONDS", 4)
    monkeypatch.setattr(binding, "HANDLED_WITHIN_SECONDS", 2.0)
    service = ledger_service()
    hear = service.handlers.heard[MoveVersion]

    async def hang_sometimes(tell: MoveVersion, work: Ledger) -> None:
        if tell.promotion_id.startswith("hang"):
            await asyncio.Event().wait()
        assert hear.handle
        await hear.handle(tell, work)

    object.__setattr__(service.handlers, "heard", {**service.handlers.heard, MoveVersion: _with(hear, hang_sometimes)})
    async with a_system(tmp_path, service) as system:
        yield Scene(system, await system.start(service), await system.asker())


def _with(heard: Any, handle: Any) -> Any:
    return type(heard)(heard.message, handle, heard.prepare, heard.workers)


async def test_23_24_a_copy_counts_once_within_the_streams_window_and_long_after(scene: Scene) -> None:
    await scene.change_stream(duplicate_window=0.1)
    for _ in range(10):
        await scene.tell("pr-1", "m-1")
        await asyncio.sleep(0.15)  # Until the stream has forgotten the id: that is its timing, not ours.
    await scene.idle()
    assert await scene.counted("pr-1") == 1
    assert not await scene.letters(0)


async def test_25_another_message_under_a_known_id_is_buried_and_not_lost(scene: Scene) -> None:
    await scene.change_stream(duplicate_window=0.1)
    await scene.tell("pr-1", "m-1")
    await asyncio.sleep(0.15)
    await scene.tell("pr-2", "m-1")
    [letter] = await scene.letters(1)
    assert letter.code == "command_id_reused"
    assert (await scene.counted("pr-1"), await scene.counted("pr-2")) == (1, 0)


POISON = {
    "no-json": b"\x00\xff not JSON",
    "wrong-schema": json.dumps({"promotion_id": 7}).encode(),
    "large": b'{"promotion_id": "' + b"x" * (1 << 20 - 1) + b'"}',
    "deep": b"[" * 20_000,
    "unknown-version": json.dumps({"v": 99, "promotion": {"id": "pr-9"}}).encode(),
}


async def test_27_poison_is_buried_after_one_delivery_and_holds_nobody_up(scene: Scene) -> None:
    for number, (name, body) in enumerate(POISON.items()):
        await scene.tell("poison", f"poison-{name}", body)
        await scene.tell(f"good-{number}", f"good-{number}")
    letters = await scene.letters(len(POISON))
    assert {(one.code, one.deliveries) for one in letters} == {("message_malformed", 1)}
    await scene.idle()
    assert [await scene.counted(f"good-{number}") for number in range(len(POISON))] == [1] * len(POISON)


@pytest.mark.faults
async def test_28_a_handler_that_never_ends_is_given_up_and_the_others_go_on(scene: Scene) -> None:
    workers = scene.run.service.handlers.heard[MoveVersion].workers
    for number in range(workers + 2):  # More than can be handled at a time: without a limit they would take all places.
        await scene.tell(f"hang-{number}", f"hang-{number}")
    for number in range(3):
        await scene.tell(f"good-{number}", f"good-{number}")
    letters = await scene.letters(workers + 2)
    assert {one.code for one in letters} == {"handler_late"}
    await scene.idle()
    assert [await scene.counted(f"good-{number}") for number in range(3)] == [1] * 3


@pytest.mark.faults
async def test_32_above_the_limit_commands_are_held_off_until_the_outbox_is_empty_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backpressure, "MOST_BEHIND_SECONDS", 1.0)
    monkeypatch.setattr(backpressure, "MEASURED_EVERY_SECONDS", 0.0)
    jetstream = (await scene.system.connect("provision")).jetstream()
    await jetstream.delete_stream("HALLMARK_EVT")  # Nothing can be published; asks still arrive.
    acknowledged: list[str] = []

    async def refused() -> bool:
        name = f"p{len(acknowledged)}"
        try:
            await scene.asker.ask(ApplyProject(command_id=name, project=name, title="x"), Applied)
        except Busy as busy:
            return busy.code == "outbox_behind" and busy.retry_after > 0
        acknowledged.append(name)
        return False

    await eventually(refused, within=60)
    assert acknowledged
    await scene.system.provision()

    async def taken() -> bool:
        return not await refused()

    await eventually(taken, within=60)
    rows = scene.run.database.collection("outbox")
    await eventually(lambda: rows.count({"sent": False}), lambda left: not left, within=60)
    assert (await jetstream.stream_info("HALLMARK_EVT")).state.messages == len(acknowledged)
