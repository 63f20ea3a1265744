"""The relay and the lease, on real servers: order, copies, takeover, fencing."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from bson.timestamp import Timestamp
from nats.aio.msg import Msg
from pymongo import MongoClient

from contracts.answers import Applied
from contracts.registry.v1.commands import ApplyProject
from contracts.streams import EVT
from shared.clock import utc_now
from shared.messaging import outbox
from shared.messaging.outbox import Outgoing
from shared.messaging.publishing import publish_batch, publish_one
from shared.mongo import Document, Lease, Session, in_transaction
from shared.mongo.lease import LeaseLostError
from tests.integration.test_messaging import facts
from tests.support.eventually import eventually
from tests.support.ledger import ledger_service
from tests.support.system import a_system

pytestmark = pytest.mark.servers


def a_row(number: int) -> Outgoing:
    message_id = f"row-{number}"
    headers = {"Nats-Msg-Id": message_id}
    return Outgoing(message_id, "hallmark.evt.registry.project.applied.v1.p._", headers, b'{"n": %d}' % number)


async def test_facts_of_one_thing_are_published_in_the_order_they_became_true(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        await system.start(service)
        await system.start(service, instance="two")
        asker = await system.asker()
        # Each repeat sees the effect of the one before, whichever instance and connection handles it.
        for number in range(30):
            await asker.ask(ApplyProject(command_id=f"c{number}", project="shop"), Applied)
        found = await eventually(lambda: facts(system), lambda found: len(found) == 30)
        assert [fact["revision"] for fact in found] == list(range(1, 31))


async def test_a_batch_with_one_known_message_is_refused_whole_and_singles_fill_the_gap(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        connection = await system.connect("registry")
        assert await publish_batch(connection, [a_row(1), a_row(2), a_row(3)])
        assert not await publish_batch(connection, [a_row(4), a_row(2), a_row(5)])
        assert [fact["n"] for fact in await facts(system)] == [1, 2, 3]
        for row in (a_row(4), a_row(2), a_row(5)):
            await publish_one(connection.jetstream(), EVT, row)
        assert [fact["n"] for fact in await facts(system)] == [1, 2, 3, 4, 5]


async def test_what_was_committed_before_a_crash_is_published_by_whoever_comes_next(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        await run.relay.idle.wait()

        async def only_commit(session: Session) -> None:
            # Committed without a wake: what a process leaves that dies right after its commit.
            await session.collection("counts").add({"_id": "x", "revision": 1})
            await outbox.keep(session, [a_row(1), a_row(2)])

        await in_transaction(run.database, only_commit)
        found = await eventually(lambda: facts(system), lambda found: len(found) == 2)
        assert [fact["n"] for fact in found] == [1, 2]


async def test_what_is_published_is_published_once(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        await system.start(service)
        asker = await system.asker()
        heard: Counter[str] = Counter()

        async def hear(message: Msg) -> None:
            heard[(message.headers or {})["Nats-Msg-Id"]] += 1

        await (await system.connect("subscriber")).subscribe("hallmark.evt.>", cb=hear)
        for number in range(20):
            commands = [ApplyProject(command_id=f"{name}-{number}", project=name) for name in ("a", "b", "c")]
            await asyncio.gather(*(asker.ask(command, Applied, deadline=30) for command in commands))
        await asker.ask(ApplyProject(command_id="last", project="last"), Applied)

        async def published() -> list[int]:
            return list(heard.values())

        assert set((await eventually(published, lambda found: len(found) == 61))[:60]) == {1}


async def test_a_row_published_but_not_marked_is_not_stored_twice(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        asker = await system.asker()
        await asker.ask(ApplyProject(command_id="c1", project="shop"), Applied)
        await eventually(lambda: facts(system))
        rows = run.database.collection(outbox.COLLECTION)
        await rows.update({}, {"$set": {"sent": False}, "$unset": {"expires_at": 1}})
        await run.relay.wake()
        await eventually(lambda: rows.count({"sent": False}), lambda left: left == 0)
        assert len(await facts(system)) == 1


async def test_what_waits_is_found_without_reading_what_was_sent(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        name = run.database.handle.name
        sent: list[Document] = [
            {"_id": f"old-{number}", "order": Timestamp(1, number), "place": 0, "sent": True} for number in range(2_000)
        ]
        await run.database.collection(outbox.COLLECTION).add_all(sent)
        with MongoClient[Any](system.servers.mongo_root_url) as client:
            client[name].command("profile", 2)
            assert not await outbox.more_wait_than(run.database, 10)
            assert await outbox.unpublished_for(run.database, utc_now()) == 0
            client[name].command("profile", 0)
            asked = [*client[name]["system.profile"].find({"ns": f"{name}.{outbox.COLLECTION}"})]
        assert len(asked) >= 2
        assert max(one.get("docsExamined", 0) for one in asked) == 0


async def test_one_instance_holds_a_lease_and_a_stale_holder_cannot_write(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        first = Lease(run.database, "duty", "one", ttl=0.2)
        second = Lease(run.database, "duty", "two", ttl=30)
        assert await first.hold()
        stale_token = first.token
        await eventually(second.hold)  # Once the server's clock says that the first one's time is over.
        assert second.token > stale_token

        async def write_as(lease: Lease) -> None:
            async def write(session: Session) -> None:
                await session.collection("counts").update({"_id": "w"}, {"$inc": {"revision": 1}}, upsert=True)
                await lease.fence(session)

            await in_transaction(run.database, write)

        with pytest.raises(LeaseLostError):
            await write_as(first)
        assert await run.database.collection("counts").get("w") is None
        await write_as(second)
        assert await run.database.collection("counts").get("w")
        await second.release()
        assert await first.hold()


async def test_a_restarted_holder_goes_on_at_once_and_its_old_self_is_fenced_off(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        old, new = (Lease(run.database, "duty", "one", ttl=600) for _ in range(2))
        assert await old.hold()
        assert await new.hold()

        async def write(session: Session) -> None:
            await old.fence(session)

        with pytest.raises(LeaseLostError):
            await in_transaction(run.database, write)


async def test_only_one_of_many_gets_a_new_lease(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)
        leases = [Lease(run.database, "fresh", f"owner-{number}") for number in range(20)]
        held = await asyncio.gather(*(lease.hold() for lease in leases))
        assert held.count(True) == 1
