"""The log's keys, witnesses and memory, on a real NATS and a real MongoDB."""

from pathlib import Path
from typing import Any

import pytest

from contracts.evidence.v1 import log as asks
from contracts.evidence.v1 import queries, views
from contracts.evidence.v1.commands import RecordApproval
from contracts.headers import Meta
from contracts.vocabulary import ActorKind, Role
from services.evidence.app import SERVICE
from services.evidence.settings import EvidenceSettings
from shared.crypto import cosignature, keys, note
from shared.crypto.log_keys import Handover, follow, verify_in_force
from shared.crypto.note_keys import parse_key
from shared.errors import Conflict, Forbidden, NotFound, Rejection, Transient
from shared.messaging.asking import Asker
from shared.mongo import Database
from shared.service import Running, running
from tests.support.builders import a_message
from tests.support.eventually import eventually
from tests.support.small_log import WitnessOf
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers
ORIGIN = "test.example/log"
LOG_COLLECTIONS = ("log_entries", "log_tiles", "log_state", "checkpoints", "signing_keys", "witnesses", "witnessed")


def settings(system: System, name: str = "first", next_name: str | None = None, **more: Any) -> EvidenceSettings:
    for key in filter(None, (name, next_name)):
        if not (system.directory / key).exists():
            keys.save_private(keys.generate(), system.directory / key)
    common = system.settings("evidence", instance=more.pop("instance", "one")).model_dump(exclude_unset=True)
    own = {
        "signing_key": system.directory / name,
        "next_signing_key": system.directory / (next_name or "none"),
        "log_origin": ORIGIN,
        "checkpoint_dir": system.directory / "checkpoints",
        "witness_quorum": 2,
    }
    return EvidenceSettings(**common | own | more)


async def enter(run: Running[Any], number: int) -> None:
    """One more fact of record."""
    tell = a_message(RecordApproval, project="shop", role=Role.APPROVER, promotion_id=f"p-{number}", stage=f"s{number}")
    meta = Meta(message_id=f"m-{number}", correlation_id="c", source="/x", time=run.clock())
    await run.dispatcher.dispatch(SERVICE.handlers.heard[RecordApproval], tell, meta, None)


async def checkpoint(asker: Asker, size: int) -> views.Checkpoint:
    async def read() -> views.Checkpoint:
        return await asker.ask(queries.ReadCheckpoint(), views.Checkpoint)

    return await eventually(read, lambda found: found.size >= size)


async def inspect(asker: Asker) -> tuple[str, ...]:
    found = await asker.ask(asks.InspectLog(), asks.LogInspection)
    assert found.next is None
    return found.problems


def hashed(digest: str) -> bytes:
    return bytes.fromhex(digest.removeprefix("sha256:"))


async def test_keys_follow_one_another_and_earlier_statements_stay_good(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        asker = await system.asker()
        async with running(SERVICE, settings(system, "first", "second")) as run:
            await enter(run, 1)
            before = await checkpoint(asker, 1)
            viewer = system.token("eve", Role.VIEWER)
            with pytest.raises(Forbidden):
                await asker.ask(asks.RotateSigningKey(command_id="r"), asks.RotationBegun, token=viewer)
            begun = await asker.ask(asks.RotateSigningKey(command_id="r"), asks.RotationBegun)
            assert begun == await asker.ask(asks.RotateSigningKey(command_id="r"), asks.RotationBegun)
            handed_over = await checkpoint(asker, 2)
            assert handed_over.verifier_keys == (begun.new, begun.old)
            await enter(run, 2)
            after = await checkpoint(asker, 3)
            assert after.verifier_keys == (begun.new,)
            with pytest.raises(Rejection) as used:
                await asker.ask(asks.RotateSigningKey(command_id="again"), asks.RotationBegun)
            assert used.value.code == "next_signing_key_used"
            kept = await asker.ask(queries.ReadSigningKeys(), views.SigningKeys)
            proven = [
                Handover(
                    one.old, one.new, one.entry.encode(), one.index, tuple(map(hashed, one.hashes)), one.note.encode()
                )
                for one in kept.handovers
            ]
            spans = follow([parse_key(before.verifier_keys[0])], proven, origin=ORIGIN)
            for state in (before, handed_over, after):
                assert verify_in_force(state.note.encode(), spans, origin=ORIGIN).size == state.size
            page = await asker.ask(queries.ListEvidence(project="shop"), views.EvidencePage)
            signers = [one.item.signers[0].key_id for one in page.evidence]
            published = [keys.key_id(keys.load_public(pem)) for pem in kept.keys]
            assert sorted(signers) == sorted(published)
            assert await inspect(asker) == ()
        # Afterwards the new key alone does, both do, the old one alone does not, nor does a stranger.
        for names in (("second", None), ("second", "first"), ("first", "second")):
            async with running(SERVICE, settings(system, *names)):
                assert (await checkpoint(asker, 3)).note == after.note
        for names in (("first", None), ("third", None), ("third", "first")):
            with pytest.raises(Conflict) as refused:
                async with running(SERVICE, settings(system, *names)):
                    pass
            assert refused.value.code == "signing_key_not_held"


async def test_72_a_database_older_than_what_was_given_out_is_refused(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        asker = await system.asker()
        async with running(SERVICE, settings(system)) as run:
            await enter(run, 1)
            await checkpoint(asker, 1)
            old = {name: await run.database.collection(name).find({}) for name in LOG_COLLECTIONS}
            await enter(run, 2)
            newest = await checkpoint(asker, 2)
            await restore(await system.beside("evidence"), old)
            # The process that gave it out does not take it back.
            with pytest.raises(Transient) as behind:
                await asker.ask(queries.ReadCheckpoint(), views.Checkpoint, deadline=0.5)
            assert behind.value.code == "log_behind"
        for name in ("one", "another"):
            with pytest.raises(Conflict) as refused:
                async with running(SERVICE, settings(system, instance=name)):
                    pass
            assert refused.value.code == "log_rolled_back"
        # Without its memory it cannot know: that is what witnesses and readers are for.
        async with running(SERVICE, settings(system, checkpoint_dir=tmp_path / "elsewhere")) as run:
            await enter(run, 3)
            fork = await checkpoint(asker, 2)
            assert fork.root != newest.root
        with pytest.raises(Conflict) as forked:
            async with running(SERVICE, settings(system)):
                pass
        assert forked.value.code == "log_forked"


async def restore(database: Database, copy: dict[str, list[dict[str, Any]]]) -> None:
    for name, documents in copy.items():
        await database.collection(name).remove({})
        await database.collection(name).add_all(documents)


async def test_cosignatures_are_kept_when_a_witness_in_use_made_them_for_our_state(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        asker = await system.asker()
        async with running(SERVICE, settings(system)) as run:
            await enter(run, 1)
            first = await checkpoint(asker, 1)
            watching = [WitnessOf("witness.example/a"), WitnessOf("witness.example/b")]

            async def submit(witness: WitnessOf, state: views.Checkpoint, name: str) -> asks.CosignatureKept:
                signed = witness.cosign(state.note.encode(), at=run.clock()).decode()
                command = asks.SubmitCosignature(command_id=name, note=signed)
                return await asker.ask(command, asks.CosignatureKept)

            with pytest.raises(NotFound):
                await submit(watching[0], first, "too-early")
            for number, witness in enumerate(watching):
                command = asks.RegisterWitness(command_id=f"w{number}", verifier_key=str(witness.key))
                assert (await asker.ask(command, asks.WitnessView)).name == witness.name
            grown = await checkpoint(asker, 3)
            assert grown.witnessed is None
            assert (await submit(watching[0], grown, "a")).cosignatures == 1
            assert (await submit(watching[0], grown, "a-once-more")).cosignatures == 1
            await enter(run, 2)
            newest = await checkpoint(asker, 4)
            assert newest.witnessed is None
            with pytest.raises(NotFound):
                await submit(WitnessOf("witness.example/c"), grown, "stranger")
            assert (await submit(watching[1], grown, "b")).cosignatures == 2
            served = await checkpoint(asker, 4)
            assert (served.size, served.quorum, served.cosignatures) == (4, 2, ())
            assert served.witnessed is not None
            known = [parse_key(served.verifier_keys[0])]
            state, seen = cosignature.verify_witnessed(
                served.witnessed.note.encode(), known, [one.key for one in watching], origin=ORIGIN, quorum=2
            )
            assert (state.size, len(seen)) == (3, 2)
            forged = note.sign_checkpoint(
                note.Checkpoint(ORIGIN, 3, bytes(32)), keys.read_private(system.directory / "first")
            )
            with pytest.raises(Conflict) as fork:
                await submit(watching[1], grown.model_copy(update={"note": forged.decode()}), "fork")
            assert fork.value.code == "checkpoint_forked"
            retire = asks.RetireWitness(command_id="x", verifier_key=str(watching[1].key))
            assert (await asker.ask(retire, asks.WitnessView)).retired_at is not None
            with pytest.raises(NotFound):
                await submit(watching[1], served, "retired")
            listed = await asker.ask(asks.ListWitnesses(), asks.Witnesses)
            assert [(one.name, one.retired_at is None) for one in listed.witnesses] == [
                ("witness.example/a", True),
                ("witness.example/b", False),
            ]
            last = await checkpoint(asker, 5)
            every = await asker.ask(asks.ListCheckpoints(), asks.CheckpointPage)
            assert (every.checkpoints[-1].size, every.next) == (last.size, None)
            singly: list[asks.SignedState] = []
            after: int | None = 0
            while after is not None:
                page = await asker.ask(asks.ListCheckpoints(after=after, limit=1), asks.CheckpointPage)
                singly, after = [*singly, *page.checkpoints], page.next
            assert tuple(singly) == every.checkpoints
            entries = await asker.ask(queries.ListLogEntries(about=str(watching[1].key)), views.LogPage)
            assert ['"kind":"witness"' in one.entry for one in entries.entries] == [True, True]


async def test_changes_of_roles_are_entered_once_per_project_by_administrators(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        asker = await system.asker()
        async with running(SERVICE, settings(system)):
            given = a_message(asks.RecordRoleChange, change="given", holder="ann", holder_kind=ActorKind.HUMAN)
            given = given.model_copy(update={"grants": {"shop": (Role.VIEWER,), "bank": (Role.ADMIN,)}})
            partly = system.token("lead", Role.ADMIN, project="shop")
            with pytest.raises(Forbidden):
                await asker.ask(given, asks.RoleChangeRecorded, token=partly)
            digest = (await asker.ask(given, asks.RoleChangeRecorded)).digest
            await asker.ask(given, asks.RoleChangeRecorded)
            await checkpoint(asker, 2)
            found = await asker.ask(queries.ListLogEntries(about=given.token_id), views.LogPage)
            assert [digest in one.entry and '"kind":"role"' in one.entry for one in found.entries] == [True, True]
            assert ['"bank"' in one.entry for one in found.entries] == [True, False]
            own = given.model_copy(update={"change": "taken", "command_id": "own"})
            await asker.ask(own, asks.RoleChangeRecorded, token=system.token("ann", Role.VIEWER, project="shop"))
            claimed = own.model_copy(update={"change": "given", "command_id": "claimed"})
            with pytest.raises(Forbidden):
                await asker.ask(claimed, asks.RoleChangeRecorded, token=system.token("ann", Role.VIEWER))


FALSIFIED: dict[str, tuple[str, dict[str, Any], Any]] = {
    "an entry": ("log_entries", {"_id": 1}, {"$set": {"entry": b"{}"}}),
    "a leaf": ("log_entries", {"_id": 1}, {"$set": {"leaf": bytes(32)}}),
    "an index": ("log_entries", {"_id": 1}, {"$set": {"about": []}}),
    "a tile": ("log_state", {"_id": "log"}, {"$set": {"unfinished": [bytes(96)]}}),
    "the size": ("log_state", {"_id": "log"}, {"$set": {"size": 2}}),
    "a checkpoint": ("checkpoints", {"_id": 3}, {"$set": {"root": bytes(32)}}),
}


async def test_75_what_is_changed_beside_the_service_is_found_in_its_storage(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        asker = await system.asker()
        async with running(SERVICE, settings(system)) as run:
            for number in range(3):
                await enter(run, number)
                await checkpoint(asker, number + 1)
            assert await inspect(asker) == ()
            with pytest.raises(Forbidden):
                await asker.ask(asks.InspectLog(), asks.LogInspection, token=system.token("eve", Role.VIEWER))
            beside = await system.beside("evidence")
            sound = {name: await beside.collection(name).find({}) for name in LOG_COLLECTIONS}
            for what, (name, where, change) in FALSIFIED.items():
                assert await beside.collection(name).update(where, change) == 1
                assert await inspect(asker), what
                await restore(beside, sound)
            await beside.collection("log_entries").add({**sound["log_entries"][0], "_id": 17})
            assert await inspect(asker) == ("1 entries lie outside of the tree",)
            await beside.collection("log_entries").remove({"_id": {"$in": [1, 17]}})
            assert "entry 1 is missing; the next one stored is 2" in await inspect(asker)
