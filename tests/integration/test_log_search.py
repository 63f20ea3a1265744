"""Looking for entries of the log by what they say, on a real NATS and a real MongoDB."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.evidence.v1 import log as asks
from contracts.evidence.v1 import queries, views
from contracts.evidence.v1.commands import RecordApproval
from contracts.headers import Meta
from contracts.vocabulary import Role
from services.evidence.app import SERVICE
from shared.service import Running, running
from tests.integration.test_evidence_log import checkpoint, settings
from tests.support.builders import a_message
from tests.support.small_log import WitnessOf
from tests.support.system import a_system

pytestmark = pytest.mark.servers


async def enter(run: Running[Any], number: int, project: str) -> None:
    """One more fact of record in a project."""
    tell = a_message(
        RecordApproval, project=project, role=Role.APPROVER, promotion_id=f"p-{number}", stage=f"s{number}"
    )
    meta = Meta(message_id=f"m-{number}", correlation_id="c", source="/x", time=run.clock())
    await run.dispatcher.dispatch(SERVICE.handlers.heard[RecordApproval], tell, meta, None)


async def test_entries_are_found_by_kind_project_and_time_from_either_end(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        asker = await system.asker()

        async def found(**wanted: Any) -> list[int]:
            page = await asker.ask(queries.ListLogEntries(**wanted), views.LogPage)
            return [one.index for one in page.entries]

        async with running(SERVICE, settings(system)) as run:
            for number, project in enumerate(("shop", "bank", "shop", "bank", "shop")):
                await enter(run, number, project)
                await checkpoint(asker, number + 1)
            key = str(WitnessOf().key)
            await asker.ask(asks.RegisterWitness(command_id="w", verifier_key=key), asks.WitnessView)
            await checkpoint(asker, 6)
            every = (await asker.ask(queries.ListLogEntries(), views.LogPage)).entries

            assert await found() == [0, 1, 2, 3, 4, 5]
            assert await found(newest_first=True, limit=2) == [5, 4]
            assert await found(newest_first=True, before=4, limit=2) == [3, 2]
            assert await found(project="shop") == [0, 2, 4]
            assert await found(project="shop", newest_first=True, before=4) == [2, 0]
            assert await found(project="*") == [5]
            assert await found(kind="approval", project="bank") == [1, 3]
            assert await found(kind="witness") == [5]
            assert await found(kind="verdict") == []
            third = queries.ListLogEntries.model_validate({"since": _recorded(every[3])}).since
            assert third is not None
            assert await found(since=third) == [3, 4, 5]
            assert await found(until=third) == [0, 1, 2]
            assert await found(since=third, until=third + timedelta(microseconds=1)) == [3]
            assert await found(since=third, project="shop", kind="approval") == [4]
            paged = await asker.ask(queries.ListLogEntries(newest_first=True, limit=4), views.LogPage)
            assert paged.next == 2

            inspected = await asker.ask(asks.InspectLog(), asks.LogInspection)
            assert inspected.problems == ()


async def test_checkpoints_come_newest_first_and_witnesses_say_what_they_last_saw(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        asker = await system.asker()
        async with running(SERVICE, settings(system)) as run:
            witness = WitnessOf()
            seen = asks.RegisterWitness(command_id="w", verifier_key=str(witness.key))
            assert (await asker.ask(seen, asks.WitnessView)).newest_size is None
            states = [await checkpoint(asker, 1)]
            for number in range(3):
                await enter(run, number, "shop")
                states.append(await checkpoint(asker, number + 2))
            at = run.clock()
            for number in (2, 1):
                signed = witness.cosign(states[number].note.encode(), at=at).decode()
                handed = asks.SubmitCosignature(command_id=f"c-{number}", note=signed)
                await asker.ask(handed, asks.CosignatureKept)
            [shown] = (await asker.ask(asks.ListWitnesses(), asks.Witnesses)).witnesses
            assert shown.newest_size == 3
            assert shown.newest_time == int(at.timestamp())
            page = await asker.ask(asks.ListCheckpoints(newest_first=True, limit=3), asks.CheckpointPage)
            assert ([one.size for one in page.checkpoints], page.next) == ([4, 3, 2], 2)
            rest = asks.ListCheckpoints(newest_first=True, before=page.next)
            assert [one.size for one in (await asker.ask(rest, asks.CheckpointPage)).checkpoints] == [1]


def _recorded(entry: views.LoggedEntry) -> str:
    return str(json.loads(entry.entry)["recorded_at"])
