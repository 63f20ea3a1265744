"""What becomes of messages that fail, come twice, or can not be read: on a real JetStream."""

import json
from pathlib import Path
from typing import Any

import pytest
from nats.js.errors import NotFoundError

from contracts.message import DeadLetter
from contracts.registry.v1.commands import MoveVersion
from contracts.streams import STREAMS
from deploy.provision import stream_config
from shared.errors import Invalid, Transient
from shared.service import Running
from tests.support.builders import a_message
from tests.support.eventually import eventually
from tests.support.ledger import ledger_service
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers


async def tell(system: System, promotion_id: str, message_id: str, *, header: str = "Nats-Msg-Id") -> None:
    body = a_message(MoveVersion, promotion_id=promotion_id).model_dump_json().encode()
    jetstream = (await system.connect("registry")).jetstream()
    await jetstream.publish(MoveVersion.subject, body, stream="HALLMARK_TELL", headers={header: message_id})


async def count(run: Running[Any], key: str) -> int:
    found = await run.database.collection("counts").get(key)
    return int(found["revision"]) if found else 0


async def left_in(system: System, stream: str) -> int:
    jetstream = (await system.connect("provision")).jetstream()
    return (await jetstream.stream_info(stream)).state.messages


async def dead_letters(system: System) -> list[DeadLetter]:
    jetstream = (await system.connect("provision")).jetstream()
    last = (await jetstream.stream_info("HALLMARK_DEAD")).state.last_seq
    found = [await jetstream.get_msg("HALLMARK_DEAD", number) for number in range(1, last + 1)]
    return [DeadLetter.model_validate_json(message.data or b"") for message in found]


async def test_a_message_that_fails_for_a_while_is_handled_in_the_end_and_once(tmp_path: Path) -> None:
    failures: dict[str, list[Exception]] = {"p1": [Transient("away", "MongoDB is away."), KeyError("a bug")]}
    service = ledger_service(failures=failures)
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        await tell(system, "p1", "m1")
        await eventually(lambda: count(run, "p1"))
        await eventually(lambda: left_in(system, "HALLMARK_TELL"), lambda left: left == 0)
        assert await count(run, "p1") == 1
        assert failures["p1"] == []
        assert await dead_letters(system) == []


async def test_ten_copies_of_one_message_count_once(tmp_path: Path) -> None:
    failures: dict[str, list[Exception]] = {}
    service = ledger_service(failures=failures)
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        await system.start(service, instance="two")
        for _ in range(10):
            # Under this header the stream does not drop copies, as it would not after its window of time.
            await tell(system, "p1", "m1", header="ce-id")
        await tell(system, "p2", "m2")
        await eventually(lambda: left_in(system, "HALLMARK_TELL"), lambda left: left == 0)
        assert (await count(run, "p1"), await count(run, "p2")) == (1, 1)

        failures["p1"] = [Invalid("move_impossible", "It cannot move any more.")]
        await tell(system, "p1", "m1", header="ce-id")
        await eventually(lambda: left_in(system, "HALLMARK_TELL"), lambda left: left == 0)
        assert await dead_letters(system) == []


async def test_a_refused_message_goes_to_the_dead_letters_at_once(tmp_path: Path) -> None:
    service = ledger_service(failures={"p1": [Invalid("move_impossible", "It cannot move.")]})
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        await tell(system, "p1", "m1")
        await tell(system, "p2", "m2")
        [letter] = await eventually(lambda: dead_letters(system))
        await eventually(lambda: left_in(system, "HALLMARK_TELL"), lambda left: left == 0)
        assert (letter.code, letter.deliveries, letter.original_subject) == ("move_impossible", 1, MoveVersion.subject)
        assert (await count(run, "p1"), await count(run, "p2")) == (0, 1)


async def test_a_message_that_never_works_ends_in_the_dead_letters_with_its_reason(tmp_path: Path) -> None:
    failures: dict[str, list[Exception]] = {"p1": [Transient("away", "Still away.")] * 99}
    service = ledger_service(failures=failures)
    async with a_system(tmp_path, service) as system:
        await system.start(service)
        await tell(system, "p1", "m1")
        [letter] = await eventually(lambda: dead_letters(system))
        assert (letter.code, letter.reason, letter.deliveries) == ("away", "Still away.", 4)
        await eventually(lambda: left_in(system, "HALLMARK_TELL"), lambda left: left == 0)


@pytest.mark.parametrize("body", [b"no json", b"{}", b'{"promotion_id": 1}', b"[" * 50_000, b"\xff\xfe"])
async def test_poison_is_buried_and_its_neighbours_live(tmp_path: Path, body: bytes) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        jetstream = (await system.connect("registry")).jetstream()
        await jetstream.publish(
            MoveVersion.subject, body, stream="HALLMARK_TELL", headers={"authorization": "Bearer secret"}
        )
        await tell(system, "p2", "m2")
        [letter] = await eventually(lambda: dead_letters(system))
        await eventually(lambda: count(run, "p2"))
        assert (letter.code, letter.deliveries) == ("message_malformed", 1)
        assert "secret" not in json.dumps(letter.headers)


async def test_a_deleted_consumer_is_noticed_and_taken_up_again(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        jetstream = (await system.connect("provision")).jetstream()
        durable = service.handlers.heard[MoveVersion].durable("registry")
        await jetstream.delete_consumer("HALLMARK_TELL", durable)
        await eventually(run.problems, lambda found: f"durable consumer {durable} does not exist" in found)
        await tell(system, "p1", "m1")
        await system.provision()
        await eventually(run.problems, lambda found: not found)
        await eventually(lambda: count(run, "p1"), lambda found: found == 1)


async def test_services_wait_for_the_provisioner_and_never_declare(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        await system.start(service)
        jetstream = (await system.connect("provision")).jetstream()
        for stream in STREAMS:
            there, wanted = (await jetstream.stream_info(stream.name)).config, stream_config(stream)
            assert (there.max_bytes, there.duplicate_window, there.retention, there.discard) == (
                wanted.max_bytes,
                wanted.duplicate_window,
                wanted.retention,
                wanted.discard,
            )
        consumer = await jetstream.consumer_info(
            "HALLMARK_TELL", service.handlers.heard[MoveVersion].durable("registry")
        )
        assert consumer.config.ack_wait == 60
        own = (await system.connect("registry")).jetstream(timeout=0.5)
        with pytest.raises((TimeoutError, NotFoundError)):
            await own.delete_consumer("HALLMARK_TELL", consumer.name)
