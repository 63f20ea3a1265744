"""The evidence service on a real NATS and a real MongoDB: what counts, and what the log proves."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from contracts.answers import Applied
from contracts.evidence.v1 import queries, views
from contracts.evidence.v1.commands import ApplyTrustRoot, AttestPassage, Receipt, RecordApproval, SubmitEvidence
from contracts.evidence.v1.events import PassageAttested
from contracts.headers import Meta
from contracts.vocabulary import Role
from services.evidence.app import SERVICE
from services.evidence.settings import EvidenceSettings
from shared.crypto import dsse, keys, merkle, note
from shared.digests import sha256_digest
from shared.errors import Conflict, Invalid, NotFound
from shared.messaging.asking import Asker
from shared.service import Running, running
from tests.support.builders import a_message
from tests.support.clearances import cleared
from tests.support.eventually import eventually
from tests.support.ledger import ledger_service
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers

TESTS = "https://in-toto.io/attestation/test-result/v0.1"
APPROVAL = "https://hallmark.dev/attestation/approval/v1"
WHEEL = sha256_digest(b"wheel")
ORIGIN = "test.example/log"


def envelope(key: keys.PrivateKey, name: str = "one", predicate_type: str = TESTS) -> str:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": WHEEL.removeprefix("sha256:")}}],
        "predicateType": predicate_type,
        "predicate": {"result": "PASSED", "configuration": [], "passedTests": [name], "stage": "qa"},
    }
    return dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [key]).decode()


async def start(system: System, instance: str = "one") -> Running[Any]:
    key = system.directory / "signing.key"
    if not key.exists():
        keys.save_private(keys.generate(), key)
    common = system.settings("evidence", instance=instance).model_dump(exclude_unset=True)
    settings = EvidenceSettings(**common | {"signing_key": key, "log_origin": ORIGIN})
    return await system.stack.enter_async_context(running(SERVICE, settings, system.clock))


async def trust(asker: Asker, name: str, key: keys.PrivateKey, *types: str) -> None:
    pem = keys.public_pem(key.public_key())
    command = ApplyTrustRoot(
        command_id=f"root-{name}",
        project="shop",
        trust_root=name,
        keys=(pem,),
        predicate_types=types or (TESTS,),
        role="test",
    )
    await asker.ask(command, Applied)


async def submit(asker: Asker, text: str, command_id: str) -> Receipt:
    return await asker.ask(SubmitEvidence(command_id=command_id, project="shop", envelope=text), Receipt, deadline=60)


async def verified_log(asker: Asker, size: int) -> views.Checkpoint:
    """The checkpoint once the log has that many entries; every entry proven to be in it."""

    async def read() -> views.Checkpoint:
        return await asker.ask(queries.ReadCheckpoint(), views.Checkpoint)

    checkpoint = await eventually(read, lambda found: found.size >= size)
    known = [note.parse_key(key) for key in checkpoint.verifier_keys]
    signed = note.verify_checkpoint(checkpoint.note.encode(), known, origin=ORIGIN)
    assert (signed.size, "sha256:" + signed.root.hex()) == (checkpoint.size, checkpoint.root)
    page = await asker.ask(queries.ListLogEntries(limit=500), views.LogPage)
    assert [entry.index for entry in page.entries] == list(range(checkpoint.size))
    for entry in page.entries:
        proof = await asker.ask(queries.ProveInclusion(index=entry.index, size=signed.size), views.InclusionProof)
        hashes = [bytes.fromhex(one.removeprefix("sha256:")) for one in proof.hashes]
        leaf = merkle.leaf_hash(entry.entry.encode())
        assert merkle.verify_inclusion(leaf, entry.index, signed.size, hashes, signed.root)
    return checkpoint


async def test_what_is_signed_by_trusted_keys_counts_and_nothing_else_does(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        await start(system)
        asker = await system.asker()
        trusted = {
            "ed25519": keys.generate(),
            "p256": keys.generate(keys.Algorithm.ECDSA_P256),
        }
        for name in ("ed25519", "p256"):
            await trust(asker, name, trusted[name])
            receipt = await submit(asker, envelope(trusted[name], name), f"e-{name}")
            assert (receipt.verified, receipt.kind, receipt.signers[0].trust_root) == (True, "tests", name)
        assert receipt.positions == {WHEEL: 2}

        again = await submit(asker, envelope(trusted["ed25519"], "ed25519"), "another-command")
        assert again.duplicate
        assert again.positions == {WHEEL: 2}
        other = SubmitEvidence(command_id="x", project="shop", envelope=envelope(trusted["ed25519"], "ed25519"))
        pipe = system.token("pipe", Role.CONTRIBUTOR, project="shop")
        assert (await asker.ask(other, Receipt, token=pipe)).duplicate
        page = await asker.ask(queries.ListEvidence(project="shop"), views.EvidencePage)
        assert {(one.submitted_by, one.item.submitted_by, one.item.made_for) for one in page.evidence} == {
            ("ann", "ann", "qa")
        }, "whoever hands it in again did not hand it in first"

        stranger = await submit(asker, envelope(keys.generate(), "stranger"), "e-stranger")
        assert (stranger.verified, stranger.problem, stranger.positions) == (False, "no_trusted_signature", {WHEEL: 3})
        with pytest.raises(Invalid):
            await trust(asker, "hallmark", trusted["p256"])
        await trust(asker, "all", trusted["p256"], "*")
        approval = await submit(asker, envelope(trusted["p256"], "x", APPROVAL), "e-approval")
        assert (approval.verified, approval.problem) == (False, "predicate_not_allowed")
        for number, malformed in enumerate(("no json", "{}", envelope(trusted["p256"])[:-20])):
            with pytest.raises(Invalid):
                await submit(asker, malformed, f"bad-{number}")
        with pytest.raises(NotFound):
            await asker.ask(SubmitEvidence(command_id="x", project="shop", content_digest=WHEEL), Receipt)
        with pytest.raises(Conflict):
            await submit(asker, envelope(trusted["p256"], "other"), "e-p256")
        page = await asker.ask(queries.ListEvidence(project="shop"), views.EvidencePage)
        assert len(page.evidence) == 4
        # Three trust roots and four pieces of evidence; what was refused left nothing.
        await verified_log(asker, 7)


async def test_a_page_holds_as_much_long_evidence_as_fits_a_message_and_the_next_one_goes_on(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        await start(system)
        asker = await system.asker()
        key = keys.generate()
        digest = WHEEL.removeprefix("sha256:")
        receipts = []
        for number in range(12):
            failed = [f"{number}-{place}-{'x' * 290}" for place in range(200)]
            statement = {
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"digest": {"sha256": digest}}],
                "predicateType": TESTS,
                "predicate": {"result": "FAILED", "configuration": [], "failedTests": failed},
            }
            signed = dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [key]).decode()
            receipts.append(await submit(asker, signed, f"long-{number}"))
        found: list[str] = []
        pages = 0
        after: str | None = None
        while after or not pages:
            query = queries.ListEvidence(project="shop", limit=100, after=after)
            page = await asker.ask(query, views.EvidencePage)
            assert len(page.model_dump_json()) < 256 * 1024
            found += [one.item.evidence_id for one in page.evidence]
            pages, after = pages + 1, page.next
        assert pages > 1
        assert sorted(found) == sorted(one.evidence_id for one in receipts)


async def test_two_instances_grow_one_log_without_gap_or_fork(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        await start(system)
        await start(system, "two")
        asker = await system.asker()
        key = keys.generate()
        await trust(asker, "key", key)
        receipts = await asyncio.gather(*(submit(asker, envelope(key, str(n)), f"e-{n}") for n in range(60)))
        assert len({receipt.evidence_id for receipt in receipts}) == 60
        positions = await asker.ask(queries.ReadPositions(project="shop", subjects=(WHEEL,)), views.Positions)
        assert positions.positions == {WHEEL: 60}
        first = await verified_log(asker, 61)
        await submit(asker, envelope(key, "later"), "later")
        second = await verified_log(asker, 62)
        query = queries.ProveConsistency(first=first.size, second=second.size)
        proof = await asker.ask(query, views.ConsistencyProof)
        roots = [bytes.fromhex(one.root.removeprefix("sha256:")) for one in (first, second)]
        hashes = [bytes.fromhex(one.removeprefix("sha256:")) for one in proof.hashes]
        assert merkle.verify_consistency(first.size, second.size, roots[0], roots[1], hashes)


async def test_a_passage_is_announced_once_it_is_logged_and_again_when_told_again(tmp_path: Path) -> None:
    saga = ledger_service("promotion")
    async with a_system(tmp_path, SERVICE, saga) as system:
        run = await start(system)
        asker = await system.asker()
        gate = keys.load_private((tmp_path / "gate.key").read_bytes())
        tell = cleared(a_message(AttestPassage, project="shop", promotion_id="pr-1", attempt=1), gate)
        heard = SERVICE.handlers.heard[AttestPassage]

        async def attested() -> list[PassageAttested]:
            rows = await run.database.collection("outbox").find({})
            bodies = [row["body"] for row in rows if ".passage.attested." in row["subject"]]
            return [PassageAttested.model_validate_json(bytes(body)) for body in bodies]

        async def deliver(message_id: str) -> None:
            meta = Meta(message_id=message_id, correlation_id="c", source="/x", time=system.clock())
            await run.dispatcher.dispatch(heard, tell, meta, None)

        await deliver("m1")
        [first] = await eventually(attested)
        await deliver("m2")
        both = await eventually(attested, lambda found: len(found) == 2)
        assert {one.log_index for one in both} == {first.log_index}
        approval = a_message(RecordApproval, project="shop", role=Role.APPROVER, version_digest=WHEEL)
        meta_heard = SERVICE.handlers.heard[RecordApproval]
        meta = Meta(message_id="a1", correlation_id="c", source="/x", time=system.clock())
        await run.dispatcher.dispatch(meta_heard, approval, meta, None)
        page = await asker.ask(queries.ListEvidence(project="shop"), views.EvidencePage)
        assert [(one.item.verified, one.item.facts.kind) for one in page.evidence] == [(True, "approval")]
        said = page.evidence[0].item
        assert (said.submitted_by, said.made_for) == (approval.approver, approval.stage)
        await verified_log(asker, 3)
