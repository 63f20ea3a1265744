"""The technique every service shares, on a real NATS and a real MongoDB."""

import asyncio
import json
from pathlib import Path

import pytest

from contracts.answers import Applied
from contracts.evidence.v1.events import PassageAttested
from contracts.headers import Meta
from contracts.registry.v1.commands import ApplyProject
from contracts.registry.v1.queries import ShowProject
from contracts.registry.v1.views import ProjectView
from contracts.vocabulary import Role
from shared.errors import Conflict, NotFound, Transient, Unauthenticated
from shared.messaging.inbox import AlreadyHandledError
from tests.support.builders import a_message
from tests.support.eventually import eventually
from tests.support.ledger import ledger_service
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers


async def facts(system: System) -> list[dict[str, object]]:
    """Everything on the stream of facts, in order."""
    jetstream = (await system.connect("provision")).jetstream()
    last = (await jetstream.stream_info("HALLMARK_EVT")).state.last_seq
    found = [await jetstream.get_msg("HALLMARK_EVT", sequence) for sequence in range(1, last + 1)]
    return [{**json.loads(message.data or b""), "headers": message.headers} for message in found]


async def test_a_command_changes_announces_and_answers_once(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        await system.start(service)
        asker = await system.asker()
        command = ApplyProject(command_id="c-1", project="shop", title="Shop")

        first = await asker.ask(command, Applied)
        again = await asker.ask(command, Applied)

        assert first == again
        assert first.revision == 1
        [fact] = await eventually(lambda: facts(system), lambda found: len(found) == 1)
        assert fact["by"] == "ann"
        assert fact["headers"]["ce-type"] == "hallmark.evt.registry.project.applied.v1"  # type: ignore[index]
        assert fact["headers"]["ce-source"] == "/hallmark/registry"  # type: ignore[index]


async def test_concurrent_repeats_of_one_command_happen_once(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        await system.start(service)
        await system.start(service, instance="two")
        asker = await system.asker()
        command = ApplyProject(command_id="same", project="shop")

        answers = await asyncio.gather(*(asker.ask(command, Applied, deadline=30) for _ in range(20)))

        assert {answer.revision for answer in answers} == {1}
        await eventually(lambda: facts(system), lambda found: len(found) == 1)


@pytest.mark.parametrize("trouble", [Conflict("shop_closed", "The shop has closed."), RuntimeError("a bug")])
async def test_a_repeat_that_would_fail_by_now_gets_its_first_answer(tmp_path: Path, trouble: Exception) -> None:
    failures: dict[str, list[Exception]] = {}
    service = ledger_service(failures=failures)
    async with a_system(tmp_path, service) as system:
        await system.start(service)
        asker = await system.asker()
        command = ApplyProject(command_id="c-1", project="shop")
        first = await asker.ask(command, Applied)

        failures["shop"] = [trouble]
        again = await asker.ask(command, Applied)

        assert again == first


async def test_one_command_id_for_two_requests_is_refused(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        await system.start(service)
        asker = await system.asker()
        await asker.ask(ApplyProject(command_id="c-1", project="shop"), Applied)
        with pytest.raises(Conflict) as refused:
            await asker.ask(ApplyProject(command_id="c-1", project="bank"), Applied)
        assert refused.value.code == "command_id_reused"
        # Another caller's ids are another caller's business.
        bob = system.token("bob", Role.ADMIN)
        assert (await asker.ask(ApplyProject(command_id="c-1", project="bank"), Applied, token=bob)).revision == 1


async def test_refusals_and_absence_are_answers_not_timeouts(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        asker = await system.asker()
        with pytest.raises(Transient) as nobody:
            await asker.ask(ShowProject(project="shop"), ProjectView, deadline=3.0)
        assert nobody.value.code == "service_unavailable"
        await system.start(service)
        with pytest.raises(NotFound) as unknown:
            await asker.ask(ShowProject(project="shop"), ProjectView)
        assert unknown.value.code == "project_unknown"
        assert unknown.value.remedy == "Create it."
        with pytest.raises(Unauthenticated):
            await asker.ask(ShowProject(project="shop"), ProjectView, token="forged")


async def test_what_a_first_look_missed_is_looked_for_once_more(tmp_path: Path) -> None:
    # As right after a failover, when a read can miss what was acknowledged just before.
    missed: dict[str, list[Exception]] = {}
    service = ledger_service(failures=missed)
    async with a_system(tmp_path, service) as system:
        await system.start(service)
        asker = await system.asker()
        await asker.ask(ApplyProject(command_id="c-1", project="shop"), Applied)
        missed["shop"] = [NotFound("project_unknown", "There is no project shop.", remedy="Create it.")]
        assert (await asker.ask(ShowProject(project="shop"), ProjectView)).revision == 1
        assert missed["shop"] == []


async def test_malformed_asks_are_refused_with_the_place(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        await system.start(service)
        connection = await system.connect("gateway")
        for body in (b"not json", b"[]", b'{"project": "No Such Name!"}', b'{"a":' * 5000):
            answer = json.loads((await connection.request(ShowProject.subject, body, timeout=5)).data)
            assert answer["reply"] == "rejected"
            assert answer["code"] == "message_malformed"


async def test_what_waits_in_a_group_is_one_transaction_and_what_spoils_it_spoils_only_itself(tmp_path: Path) -> None:
    failures: dict[str, list[Exception]] = {}
    service = ledger_service(failures=failures, group="passages")
    async with a_system(tmp_path, service) as system:
        run = await system.start(service)

        async def hear(name: str) -> None:
            meta = Meta(message_id=f"m-{name}", correlation_id="c", source="/x", time=system.clock())
            event = a_message(PassageAttested, promotion_id=name)
            await run.dispatcher.dispatch(service.handlers.heard[PassageAttested], event, meta, None)

        async def counted(name: str) -> int:
            found = await run.database.collection("counts").get(name)
            return int(found["revision"]) if found else 0

        await asyncio.gather(*map(hear, "abcd"))
        marks = await run.database.collection("inbox").find({"_id": {"$regex": "^m-"}})
        assert (len(marks), len({mark["at"] for mark in marks})) == (4, 1)
        with pytest.raises(AlreadyHandledError):
            await hear("a")

        failures |= {"f": [Conflict("no", "No."), Conflict("no", "No.")], "g": [Transient("later", "Later.")]}
        outcomes = await asyncio.gather(*map(hear, "efgh"), return_exceptions=True)
        assert [type(one) for one in outcomes] == [type(None), Conflict, Transient, type(None)]
        await hear("g")
        assert [await counted(name) for name in "abcdefgh"] == [1, 1, 1, 1, 1, 0, 1, 1]
