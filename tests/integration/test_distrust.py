"""Trust roots change on real servers: what they believed is judged again, once, whoever does it and whatever dies."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.answers import Applied
from contracts.evidence.v1 import queries, views
from contracts.evidence.v1.commands import ApplyTrustRoot, Receipt, RecordApproval, SubmitEvidence
from contracts.evidence.v1.events import EvidenceRejudged
from contracts.facts import Standing
from contracts.headers import Meta
from contracts.vocabulary import Role
from services.evidence import rejudging
from services.evidence.app import SERVICE
from services.evidence.settings import EvidenceSettings
from services.evidence.storage.blobs import read_blob
from services.evidence.storage.rejudging import OPEN_FOR, opened
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from shared.errors import Transient
from shared.messaging.asking import Asker
from shared.mongo import Lease
from shared.service import Running, Service, running
from tests.support.builders import a_message
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.ledger import ledger_service
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers

TESTS = "https://in-toto.io/attestation/test-result/v0.1"
WHEEL, IMAGE = sha256_digest(b"wheel"), sha256_digest(b"image")
IDLE: Service[Any] = replace(SERVICE, duties=SERVICE.duties[:1])
"""An instance that leaves the judging anew to others."""
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def start(system: System, service: Service[Any] = SERVICE, instance: str = "one") -> Running[Any]:
    key = system.directory / "signing.key"
    if not key.exists():
        keys.save_private(keys.generate(), key)
    common = system.settings("evidence", instance=instance).model_dump(exclude_unset=True)
    settings = EvidenceSettings(**common | {"signing_key": key, "log_origin": "test.example/log"})
    return await system.stack.enter_async_context(running(service, settings, system.clock))


async def apply(asker: Asker, name: str, *trusted: keys.PrivateKey, **fields: Any) -> Applied:
    said = {
        "command_id": f"{name}-{sha256_digest(repr((len(trusted), sorted(fields.items()))).encode())[7:20]}",
        "project": "shop",
        "trust_root": name,
        "keys": tuple(keys.public_pem(key.public_key()) for key in trusted),
        "predicate_types": (TESTS,),
        "role": "test",
    }
    return await asker.ask(ApplyTrustRoot.model_validate(said | fields), Applied)


async def submit(
    asker: Asker, *signers: keys.PrivateKey, name: str = "one", subject: str = WHEEL, project: str = "shop"
) -> Receipt:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": subject.removeprefix("sha256:")}}],
        "predicateType": TESTS,
        "predicate": {"result": "PASSED", "configuration": [], "passedTests": [name], "stage": "qa"},
    }
    envelope = dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), list(signers)).decode()
    command = SubmitEvidence(command_id=name.replace(" ", "-"), project=project, envelope=envelope)
    return await asker.ask(command, Receipt, deadline=60)


async def shown(asker: Asker, receipt: Receipt) -> views.EvidenceView:
    query = queries.ShowEvidence(project="shop", evidence_id=receipt.evidence_id)
    return await asker.ask(query, views.EvidenceView)


async def becomes(asker: Asker, receipt: Receipt, standing: Standing) -> views.EvidenceView:
    return await eventually(lambda: shown(asker, receipt), lambda view: view.item.standing is standing)


async def positions(asker: Asker, *subjects: str, deadline: float = 30) -> dict[str, int]:
    query = queries.ReadPositions(project="shop", subjects=subjects or (WHEEL,))
    return (await asker.ask(query, views.Positions, deadline=deadline)).positions


async def judgements(run: Running[Any]) -> list[EvidenceRejudged]:
    """Every judgement that was announced, in order, and as many log entries as there are of them."""
    rows = await run.database.collection("outbox").find({})
    said = [EvidenceRejudged.model_validate_json(bytes(row["body"])) for row in rows if ".rejudged." in row["subject"]]

    async def entries() -> list[str]:
        found = await run.database.collection("log_entries").find({})
        logged = [json.loads(bytes(entry["entry"])) for entry in found]
        return sorted(entry["subject"] for entry in logged if entry["kind"] == "judgement")

    assert await eventually(entries, lambda found: len(found) == len(said)) == sorted(
        one.item.evidence_id for one in said
    )
    return said


async def test_distrust_takes_the_power_to_allow_from_what_is_on_record(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        run = await start(system)
        asker = await system.asker()
        stolen, other = keys.generate(), keys.generate()
        await apply(asker, "ci", stolen)
        await apply(asker, "builders", other, role="build")
        one = await submit(asker, stolen, name="signed by the stolen key")
        both = await submit(asker, stolen, other, name="signed by both")
        stranger = await submit(asker, keys.generate(), name="signed by a stranger")
        assert (one.verified, both.verified, stranger.verified) == (True, True, False)
        before = await shown(asker, one)
        assert await positions(asker) == {WHEEL: 3}

        applied = await apply(asker, "ci", stolen, distrust_after=LONG_AGO)
        assert (applied.change, applied.revision, applied.rejudges) == ("updated", 2, 3)
        assert await positions(asker) == {WHEEL: 5}, "two judgements changed something"

        after = await shown(asker, one)
        assert after.item.standing is Standing.DISTRUSTED
        assert (after.item.problem, after.item.revision) == ("key_distrusted", 1)
        [was] = after.history
        assert (was.verified, was.distrusted, was.trust_root, was.trust_root_revision) == (True, False, "ci", 2)
        assert (after.item.facts, after.item.received_at) == (before.item.facts, before.item.received_at)
        assert (after.item.submitted_by, after.item.made_for) == ("ann", "qa")
        assert after.log_index == before.log_index, "it is found where it was logged first"
        partly = (await shown(asker, both)).item
        assert partly.standing is Standing.VERIFIED
        assert {(signer.role, signer.distrusted) for signer in partly.signers} == {("build", False), ("test", True)}
        assert (await shown(asker, stranger)).history == ()
        said = {event.item.evidence_id: event for event in await judgements(run)}
        assert set(said) == {one.evidence_id, both.evidence_id}
        assert said[one.evidence_id].item == after.item
        assert said[one.evidence_id].before == was

        again = await submit(asker, stolen, name="after the theft")
        assert (again.verified, again.problem) == (False, "key_distrusted"), "abuse case 26"
        repeated = await asker.ask(
            SubmitEvidence(command_id="again", project="shop", envelope=await envelope_of(run, one)), Receipt
        )
        assert (repeated.duplicate, repeated.verified, repeated.problem) == (True, False, "key_distrusted")
        assert (await apply(asker, "ci", stolen, distrust_after=LONG_AGO)).rejudges == applied.rejudges, "a repeat"
        same = await apply(asker, "ci", stolen, distrust_after=LONG_AGO, command_id="the-same-document")
        assert (same.change, same.rejudges) == ("unchanged", 0)


async def envelope_of(run: Running[Any], receipt: Receipt) -> str:
    found = await read_blob(run.database, "shop", receipt.content_digest)
    assert found is not None
    return found.decode()


async def test_a_new_root_believes_what_was_there_and_a_narrowed_one_does_not_any_more(tmp_path: Path) -> None:
    saga = ledger_service("promotion")
    async with a_system(tmp_path, SERVICE, saga) as system:
        run = await start(system)
        asker = await system.asker()
        key = keys.generate()
        early = await submit(asker, key, name="before its root")
        assert not early.verified
        approval = a_message(RecordApproval, project="shop", role=Role.APPROVER, version_digest=WHEEL)
        meta = Meta(message_id="a1", correlation_id="c", source="/x", time=system.clock())
        await run.dispatcher.dispatch(SERVICE.handlers.heard[RecordApproval], approval, meta, None)

        late = system.clock() + timedelta(hours=1)
        assert (await apply(asker, "ci", key, valid_from=late)).rejudges == 2
        assert await positions(asker) == {WHEEL: 2}, "received before the root is valid"
        await apply(asker, "ci", key)
        believed = await becomes(asker, early, Standing.VERIFIED)
        assert (believed.item.problem, believed.item.signers[0].trust_root) == (None, "ci")
        assert [was.problem for was in believed.history] == ["no_trusted_signature"]

        await apply(asker, "ci", key, predicate_types=("https://slsa.dev/provenance/v1",))
        narrowed = await becomes(asker, early, Standing.DISTRUSTED)
        assert narrowed.item.problem == "predicate_not_allowed"
        assert [was.revision for was in narrowed.history] == [0, 1]
        await apply(asker, "ci", key, predicate_types=("*",))
        assert await positions(asker) == {WHEEL: 4}
        assert (await shown(asker, early)).item.standing is Standing.DISTRUSTED, "it is not believed again"
        page = await asker.ask(queries.ListEvidence(project="shop"), views.EvidencePage)
        assert {one.item.standing for one in page.evidence if one.item.facts.kind == "approval"} == {Standing.VERIFIED}
        assert len(await judgements(run)) == 2


async def test_judging_again_goes_on_where_it_stopped_and_each_record_is_judged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejudging, "BATCH", 8)
    async with a_system(tmp_path, SERVICE) as system:
        run = await start(system, IDLE)
        asker = await system.asker()
        key = keys.generate()
        await apply(asker, "ci", key)
        receipts = await asyncio.gather(*(submit(asker, key, name=str(number)) for number in range(30)))
        newest = await submit(asker, key, name="the newest", subject=IMAGE)
        await apply(asker, "ci", key, distrust_after=LONG_AGO)

        with pytest.raises(Transient) as behind:
            await positions(asker, WHEEL, deadline=0.3)
        assert behind.value.code == "evidence_rejudged"
        [opening] = await opened(run.database)
        lease = Lease(run.database, "rejudging", "one that dies", ttl=0.2)
        assert await lease.hold()
        assert await rejudging.step(run, lease, opening)
        assert (await shown(asker, newest)).item.distrusted, "the newest evidence comes first"
        assert await positions(asker, IMAGE) == {IMAGE: 2}, "what was judged is answered for at once"
        with pytest.raises(Transient):
            await positions(asker, WHEEL, deadline=0.3)
        assert len(await judgements(run)) == 8

        successor = Lease(run.database, "rejudging", "one that takes over")
        await eventually(successor.hold)
        assert not await rejudging.step(run, lease, opening), "who lost the lease keeps nothing"
        assert len(await judgements(run)) == 8
        await successor.release()
        await start(system, instance="two")
        await start(system, instance="three")
        assert await positions(asker) == {WHEEL: 60}
        said = Counter(event.item.evidence_id for event in await judgements(run))
        assert said == Counter({receipt.evidence_id: 1 for receipt in (*receipts, newest)})
        assert not await rejudging.step(run, lease, opening), "the one that died has nothing left to do"


async def test_what_breaks_while_it_is_judged_allows_nothing_and_stops_nothing(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        run = await start(system)
        asker = await system.asker()
        key = keys.generate()
        await apply(asker, "ci", key)
        broken, whole = [await submit(asker, key, name=name) for name in ("broken", "whole")]
        records = run.database.collection("records")
        await records.update({"_id": f"shop|{broken.evidence_id}"}, {"$set": {"data": b"no envelope"}})
        await apply(asker, "another", keys.generate())
        assert (await becomes(asker, broken, Standing.DISTRUSTED)).item.problem == "key_distrusted"
        assert await positions(asker) == {WHEEL: 3}
        assert (await shown(asker, whole)).item.standing is Standing.VERIFIED


async def test_evidence_that_was_on_its_way_in_during_a_change_is_found(tmp_path: Path) -> None:
    clock = FrozenClock(datetime.now(UTC))
    async with a_system(tmp_path, SERVICE, clock=clock) as system:
        run = await start(system)
        asker = await system.asker()
        key = keys.generate()
        await apply(asker, "ci", key)
        slow = await submit(asker, key, name="slow")
        await apply(asker, "ci", key, distrust_after=LONG_AGO)
        await becomes(asker, slow, Standing.DISTRUSTED)
        # As a transaction leaves it that read the roots before the change and committed after everything was judged.
        records = run.database.collection("records")
        await records.update({"evidence_id": slow.evidence_id}, {"$set": {"roots_state": "before"}})
        await eventually(lambda: records.count({"roots_state": {"$ne": "before"}}))
        assert await opened(run.database)
        clock.advance(seconds=OPEN_FOR.total_seconds() + 1)
        assert await eventually(lambda: opened(run.database), lambda found: not found) == []
        assert await positions(asker) == {WHEEL: 2}


async def test_a_change_that_concerns_every_project_opens_all_that_have_evidence(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        run = await start(system, IDLE)
        asker = await system.asker()
        for project in ("shop", "bank"):
            await submit(asker, keys.generate(), name=f"of-{project}", project=project)

        async def begin(work: EvidenceWork) -> dict[str, Any]:
            return {"rejudges": await work.rejudgings.begin(None)}

        meta = Meta(message_id="m", correlation_id="c", source="/x", time=system.clock())
        assert await run.dispatcher.perform(begin, meta=meta, key="m") == {"rejudges": 2}
        assert [one["_id"] for one in await opened(run.database)] == ["bank", "shop"]
