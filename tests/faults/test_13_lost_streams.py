"""Rows 13, 14 and 39: the NATS store is wiped, cut or damaged; a database is older than what it has told."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from pathlib import Path

import pytest

from contracts.answers import Applied
from contracts.registry.v1.commands import ApplyProject
from deploy.local.stack import running_stack
from deploy.system import stack_options
from shared.errors import Conflict, Transient
from tests.support.eventually import eventually
from tests.support.invariants import require_invariants
from tests.support.ledger import ledger_service
from tests.support.recorded import Acknowledged, reader_of
from tests.support.shop import Shop
from tests.support.system import a_system

pytestmark = [pytest.mark.servers, pytest.mark.stack]


@pytest.mark.faults
@pytest.mark.parametrize("damage", ["wiped", "cut", "flipped"])
async def test_13_14_what_the_streams_lost_is_told_again(tmp_path: Path, damage: str) -> None:
    data = tmp_path / "data"
    options = stack_options(data, usual_ports=False)
    token = (data / "secrets/admin-token").read_text().strip()
    done = Acknowledged()
    async with running_stack(options) as stack, Shop(stack, token) as shop, reader_of(stack, data) as reader:
        await shop.set_up()
        for version in ("1.0", "1.1"):
            await shop.create(version)
            promotion = await shop.promote(version, "dev")
            done.promotions.add(promotion["promotion_id"])
        before = await require_invariants(reader, done)
    await asyncio.to_thread(DAMAGE[damage], data / "nats")
    async with running_stack(options) as stack, Shop(stack, token) as shop, reader_of(stack, data) as reader:
        alarmed = data / "logs"

        async def said_aloud() -> bool:
            return any("ALARM: a stream has lost" in path.read_text() for path in alarmed.glob("*.log"))

        await eventually(said_aloud, within=60)
        after = await require_invariants(reader, done)
        assert {one.message_id for one in before.facts} <= {one.message_id for one in after.facts}
        assert Counter(one["kind"] for one in after.log) == Counter(one["kind"] for one in before.log), "no new effect"
        again = await shop.promote("1.0", "qa")
        assert again["state"] == "completed"
        done.promotions.add(again["promotion_id"])
        await require_invariants(reader, done)


def _blocks(store: Path) -> list[Path]:
    return sorted(path for path in store.rglob("*.blk") if "HALLMARK_EVT" in path.parts)


def _wipe(store: Path) -> None:
    shutil.rmtree(store / "jetstream")


def _cut(store: Path) -> None:
    [block] = _blocks(store)
    content = block.read_bytes()
    block.write_bytes(content[: len(content) // 2])
    _forget_index(store)


def _flip(store: Path) -> None:
    [block] = _blocks(store)
    content = bytearray(block.read_bytes())
    content[len(content) // 2] ^= 0x40
    block.write_bytes(content)
    _forget_index(store)


def _forget_index(store: Path) -> None:
    """What nats-server remembers of its blocks: after a crash of the machine it is built anew from them."""
    for path in store.rglob("index.db"):
        path.unlink()


DAMAGE = {"wiped": _wipe, "cut": _cut, "flipped": _flip}


async def test_39_a_database_older_than_what_it_has_told_is_refused(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        asker = await system.asker()
        for number in range(3):
            command = ApplyProject(command_id=f"c-{number}", project=f"p{number}", title="x")
            await asker.ask(command, Applied)
        await eventually(lambda: run.database.collection("outbox").count({"sent": False}), lambda left: not left)
        await run.reconciler.refuse_older_database()
        newest = await run.database.collection("outbox").find({}, sort=(("order", -1),), limit=1)
        beside = await system.beside(service.name)
        assert await beside.collection("outbox").remove({"_id": newest[0]["_id"]}) == 1  # As an older copy.
        with pytest.raises(Conflict) as refused:
            await system.start(service, instance="restored")
        assert refused.value.code == "database_rolled_back"


async def test_39_instances_that_start_at_once_do_not_take_the_newest_fact_from_each_other(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        await (await system.asker()).ask(ApplyProject(command_id="c-1", project="p1", title="x"), Applied)
        await eventually(lambda: run.database.collection("outbox").count({"sent": False}), lambda left: not left)
        looks = (run.reconciler.refuse_older_database() for _ in range(6))
        found = await asyncio.gather(*looks, return_exceptions=True)
        # Who could not read it looks again; whatever else is raised keeps an instance from starting.
        assert {type(one) for one in found if one is not None} <= {Transient}, found
        await asyncio.gather(*(system.start(service, instance=name) for name in ("two", "three", "four")))
