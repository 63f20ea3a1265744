"""Evidence on its way in, on a real NATS and MongoDB: batches, proofs in receipts, large contents, back-pressure."""

import asyncio
import gzip
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson.timestamp import Timestamp

from contracts.evidence.v1 import queries, views
from contracts.evidence.v1.commands import (
    BatchReceipt,
    EvidencePublished,
    Receipt,
    SubmitEvidence,
    SubmitEvidenceBatch,
)
from contracts.headers import Meta
from contracts.vocabulary import Role
from services.evidence.app import SERVICE
from services.evidence.handlers.intake import INTAKE
from services.evidence.storage.blobs import CHUNK_BYTES, KEPT_UNUSED, claim_blob, read_blob, receive_blob
from services.evidence.storage.records import STAGED_ABOVE
from services.evidence.storage.uploads import sweep
from shared.crypto import dsse, keys, merkle, note
from shared.digests import sha256_digest
from shared.errors import Busy, NotFound
from shared.messaging.asking import Asker
from shared.messaging.grouping import MOST_WAITING
from shared.messaging.headers import write_headers
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import in_transaction
from shared.service import Running
from tests.integration.gateway_door import ADMIN, Door, a_door
from tests.integration.test_evidence import ORIGIN, envelope, start, trust
from tests.support.component_search import searched
from tests.support.eventually import eventually
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers


async def everything(asker: Asker) -> tuple[views.EvidenceView, ...]:
    return (await asker.ask(queries.ListEvidence(project="shop", limit=500), views.EvidencePage)).evidence


def check_proof(receipt: Receipt) -> int:
    """The receipt alone proves that its log has the evidence; the size of the tree it proves that for."""
    proof = receipt.inclusion
    assert proof is not None
    assert receipt.log_index == proof.index
    known = [note.parse_key(key) for key in proof.checkpoint.verifier_keys]
    signed = note.verify_checkpoint(proof.checkpoint.note.encode(), known, origin=ORIGIN)
    hashes = [bytes.fromhex(one.removeprefix("sha256:")) for one in proof.hashes]
    leaf = bytes.fromhex(proof.leaf_hash.removeprefix("sha256:"))
    assert merkle.verify_inclusion(leaf, proof.index, signed.size, hashes, signed.root)
    return signed.size


async def test_a_batch_is_many_submissions_that_succeed_or_fail_alone(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        await start(system)
        asker = await system.asker()
        key = keys.generate()
        await trust(asker, "key", key)
        good = [envelope(key, f"n{number}") for number in range(20)]
        mixed = (*good[:10], "no json", envelope(keys.generate()), good[0], *good[10:])
        batch = SubmitEvidenceBatch(command_id="b", project="shop", envelopes=mixed)
        first = await asker.ask(batch, BatchReceipt)
        assert [bool(one.receipt and one.receipt.verified) for one in first.outcomes] == [
            *[True] * 10, False, False, *[True] * 11,
        ]  # fmt: skip
        assert first.outcomes[10].code == "json_malformed"
        stranger, again = first.outcomes[11].receipt, first.outcomes[12].receipt
        assert stranger is not None
        assert stranger.problem == "no_trusted_signature"
        assert again is not None
        first_receipt = first.outcomes[0].receipt
        assert first_receipt is not None
        assert {first_receipt.duplicate, again.duplicate} == {False, True}, "which of the two comes first is open"
        # Asked again, it is answered again, and nothing is on record twice.
        second = await asker.ask(batch, BatchReceipt)
        assert [one.receipt and one.receipt.evidence_id for one in second.outcomes] == [
            one.receipt and one.receipt.evidence_id for one in first.outcomes
        ]
        assert len(await everything(asker)) == 21
        receipts = [one.receipt for one in first.outcomes if one.receipt and not one.receipt.duplicate]
        places = [receipt.log_index for receipt in receipts]
        assert sorted(places, key=lambda place: place or 0) == list(range(1, 22))
        for receipt in receipts:
            check_proof(receipt)
            assert receipt.positions[next(iter(receipt.positions))] <= 21


async def test_the_same_command_at_once_is_one_submission(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        await start(system)
        asker = await system.asker()
        key = keys.generate()
        await trust(asker, "key", key)
        command = SubmitEvidence(command_id="same", project="shop", envelope=envelope(key))
        found = await asyncio.gather(*(asker.ask(command, Receipt) for _ in range(12)))
        assert len({(one.evidence_id, one.log_index, one.duplicate) for one in found}) == 1
        others = [command.model_copy(update={"command_id": f"other-{number}"}) for number in range(12)]
        found = await asyncio.gather(*(asker.ask(one, Receipt) for one in others))
        assert {(one.duplicate, one.log_index) for one in found} == {(True, 1)}
        assert len(await everything(asker)) == 1


async def test_published_evidence_is_taken_in_and_its_publisher_need_not_wait(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        await start(system)
        asker = await system.asker()
        key = keys.generate()
        await trust(asker, "key", key)
        connection = await system.connect("pipeline")
        token = system.token("ci", Role.CONTRIBUTOR, project="shop")
        for number in range(30):
            message = EvidencePublished(project="shop", envelope=envelope(key, str(number)))
            meta = _meta(system, f"p{number}")
            headers = write_headers(meta, subject=message.subject) | {"authorization": f"Bearer {token}"}
            await connection.jetstream().publish(
                message.subject, message.model_dump_json().encode(), headers=headers, stream="HALLMARK_IN"
            )
        assert len(await eventually(lambda: everything(asker), lambda found: len(found) == 30)) == 30


def _meta(system: System, message_id: str) -> Meta:
    return Meta(message_id=message_id, correlation_id=message_id, source="/ci", time=system.clock())


async def _content(size: int) -> AsyncIterator[bytes]:
    for start_ in range(0, size, 70_000):
        yield bytes([start_ % 251]) * min(70_000, size - start_)


@pytest.mark.parametrize("size", [1, CHUNK_BYTES, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5])
async def test_contents_of_any_size_come_back_byte_for_byte(tmp_path: Path, size: int) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        database = (await start(system)).database
        kept = await receive_blob(database, "shop", _content(size), system.clock())
        whole = b"".join([part async for part in _content(size)])
        assert (kept["content_digest"], kept["size"]) == (sha256_digest(whole), size)
        assert await read_blob(database, "shop", kept["content_digest"]) == whole
        assert await read_blob(database, "bank", kept["content_digest"]) is None
        # The same again takes no more room.
        await receive_blob(database, "shop", _content(size), system.clock())
        chunks = await database.collection("blob_chunks").count({})
        assert await sweep(database, system.clock()) == 0
        await sweep(database, system.clock() + KEPT_UNUSED)
        assert await database.collection("blob_chunks").count({}) == 0 <= chunks


async def test_what_is_claimed_stays_and_what_has_expired_cannot_be_claimed(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        run = await start(system)
        chunks, uploads = run.database.collection("blob_chunks"), run.database.collection("uploads")
        tomorrow = system.clock() + KEPT_UNUSED + timedelta(minutes=1)

        async def receive(size: int) -> str:
            kept = await receive_blob(run.database, "shop", _content(size), system.clock())
            return str(kept["content_digest"])

        async def claim(digest: str) -> None:
            async def attempt(session: Any) -> None:
                await claim_blob(_unit(run, session), "shop", digest)

            await in_transaction(run.database, attempt)

        digest = await receive(2 * CHUNK_BYTES)
        await claim(digest)
        assert await sweep(run.database, tomorrow) == 0
        assert await read_blob(run.database, "shop", digest) is not None
        assert "expires_at" not in (await run.database.collection("blobs").get(f"shop|{digest}") or {})

        other = await receive(CHUNK_BYTES + 1)
        assert await sweep(run.database, system.clock()) == 0
        assert await sweep(run.database, tomorrow) == 1
        assert (await uploads.count({}), await chunks.count({})) == (1, 3), "those of the first"
        assert await read_blob(run.database, "shop", other) is None
        with pytest.raises(NotFound):
            await claim(other)

        # A sweep that broke off after it had marked an upload: nothing claims that one, and the next sweep goes on.
        third = await receive(CHUNK_BYTES + 2)
        await uploads.update({"expires_at": {"$exists": True}}, {"$set": {"swept": True}})
        with pytest.raises(NotFound):
            await claim(third)
        assert await sweep(run.database, tomorrow) == 1


def _unit(run: Running[Any], session: Any) -> UnitOfWork:
    return UnitOfWork("evidence", run.database, session, _meta_of(run), run.clock())


def _meta_of(run: Running[Any]) -> Meta:
    return Meta(message_id="m", correlation_id="m", source="/x", time=run.clock())


async def test_whoever_sends_too_much_is_told_to_wait_and_nothing_is_lost(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        run = await start(system)
        asker = await system.asker()
        key = keys.generate()
        await trust(asker, "key", key)
        group = run.dispatcher.groups[INTAKE]
        commands = [
            SubmitEvidence(command_id=f"c{number}", project="shop", envelope=envelope(key, str(number)))
            for number in range(MOST_WAITING + 200)
        ]
        found = await asyncio.gather(
            *(asker.ask(one, Receipt, deadline=60) for one in commands), return_exceptions=True
        )
        busy = [command for command, one in zip(commands, found, strict=True) if isinstance(one, Busy)]
        assert all(isinstance(one, Receipt | Busy) for one in found)
        for command in busy:
            assert (await asker.ask(command, Receipt, deadline=60)).verified
        assert len(group) == 0
        assert await run.database.collection("records").count({}) == len(commands)


def large_envelope(key: keys.PrivateKey, size: int) -> bytes:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": "1" * 64}}],
        "predicateType": "https://example.com/large",
        "predicate": {"text": "x" * size},
    }
    return dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [key])


async def test_large_evidence_is_uploaded_packed_or_not_and_counts_like_any_other(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        run = await start(system)
        asker = await system.asker()
        key = keys.generate()
        await trust(asker, "key", key, "https://example.com/large")
        data = large_envelope(key, 20 * 2**20)
        assert len(gzip.compress(data, 1)) < len(data) // 50

        async def whole() -> AsyncIterator[bytes]:
            yield data

        kept = await receive_blob(run.database, "shop", whole(), system.clock())
        submit = SubmitEvidence(command_id="l", project="shop", content_digest=kept["content_digest"])
        receipt = await asker.ask(submit, Receipt, deadline=60)
        assert (receipt.verified, receipt.content_digest) == (True, sha256_digest(data))
        check_proof(receipt)
        assert await read_blob(run.database, "shop", receipt.content_digest) == data
        assert await run.database.collection("uploads").count({"expires_at": {"$exists": True}}) == 0


async def test_nothing_more_is_taken_in_while_nothing_can_be_published(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        run = await start(system)
        asker = await system.asker()
        key = keys.generate()
        await trust(asker, "key", key)
        outbox = (await system.beside("evidence")).collection("outbox")
        # A message that no stream takes: the relay stays at it, as it would without NATS.
        old = Timestamp(int(system.clock().timestamp()) - 3600, 1)
        stuck = {"order": old, "place": 0, "subject": "nowhere", "headers": {}, "body": b"", "sent": False}
        await outbox.add({"_id": "stuck", **stuck})

        async def refusing() -> bool:
            return run.dispatcher.groups[INTAKE].refusing is not None

        await eventually(refusing)
        command = SubmitEvidence(command_id="c", project="shop", envelope=envelope(key))
        with pytest.raises(Busy) as refused:
            await asker.ask(command, Receipt)
        assert refused.value.code == "outbox_behind"
        await outbox.remove({"_id": "stuck"})
        await eventually(refusing, lambda still: not still)

        async def taken() -> bool:
            # How far the service is behind is measured once a second: for so long it may still say no.
            with suppress(Busy):
                return (await asker.ask(command, Receipt)).verified
            return False

        await eventually(taken)


async def hallmark(door: Door, *words: str) -> tuple[int, str]:
    """The command, as somebody at a terminal runs it: exit code and standard output."""
    env = {**os.environ, "HALLMARK_URL": door.url, "HALLMARK_TOKEN": ADMIN}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli.main", *words, env=env, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_the_command_line_hands_in_whole_folders_and_says_what_did_not_count(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system, a_door(system) as door:
        await start(system)
        asker = await system.asker()
        key = keys.generate()
        await trust(asker, "key", key)
        folder = tmp_path / "evidence"
        (folder / "more").mkdir(parents=True)
        for number in range(130):
            (folder / f"e{number}.json").write_text(envelope(key, str(number)))
        lines = [envelope(key, f"line{number}") for number in range(20)]
        (folder / "more/bundle.jsonl").write_text("\n".join([*lines[:10], "", *lines[10:]]) + "\n")
        (folder / "more/pretty.json").write_text(json.dumps(json.loads(envelope(key, "pretty")), indent=2))
        receipts = tmp_path / "receipts"
        code, output = await hallmark(
            door, "evidence", "attach", str(folder), "-p", "shop", "--receipts", str(receipts)
        )
        assert (code, "151" in output) == (0, True), output
        kept = [Receipt.model_validate_json(line) for line in receipts.read_text().splitlines()]
        assert sorted(receipt.log_index or 0 for receipt in kept) == list(range(1, 152))
        assert await run_count(asker) == 151

        (folder / "stranger.json").write_text(envelope(keys.generate()))
        (folder / "broken.json").write_text("{")
        code, output = await hallmark(door, "--json", "evidence", "attach", str(folder), "-p", "shop")
        outcomes = json.loads(output)
        assert code == 3
        assert sum(bool(one["receipt"] and one["receipt"]["duplicate"]) for one in outcomes) == 151
        assert [one["code"] for one in outcomes if not one["receipt"]] == ["json_malformed"]
        code, _ = await hallmark(door, "evidence", "attach", str(folder), "-p", "No Name")
        assert code == 2


async def run_count(asker: Asker) -> int:
    return len(await everything(asker))


async def test_a_batch_over_http_is_answered_line_by_line_or_refused_as_a_whole(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system, a_door(system) as door:
        await start(system)
        asker = await system.asker()
        key = keys.generate()
        await trust(asker, "key", key)
        path = "/projects/shop/evidence/batch"
        body = "\n".join([envelope(key, "a"), "x", "", envelope(key, "b")])
        answer = await door.ask("POST", path, content=body.encode(), headers={"idempotency-key": "once"})
        outcomes = [json.loads(line) for line in answer.text.splitlines()]
        assert [bool(one["receipt"]) for one in outcomes] == [True, False, True]
        again = await door.ask("POST", path, content=body.encode(), headers={"idempotency-key": "once"})
        assert again.text == answer.text
        for content, status, code in (
            (b"", 422, "envelope_missing"),
            (b"\n \n", 422, "envelope_missing"),
            (b"\xff\n", 422, "envelope_malformed"),
        ):
            refused = await door.ask("POST", path, content=content)
            assert (refused.status_code, refused.json()["code"]) == (status, code)
        stranger = await door.token("eve", {"shop": [Role.VIEWER]})
        refused = await door.ask("POST", path, content=body.encode(), token=stranger["token"])
        assert (refused.status_code, refused.json()["code"]) == (403, "role_missing")
        assert await run_count(asker) == 2


async def test_a_bill_of_materials_of_thousands_of_components_is_read_page_by_page(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        run = await start(system)
        asker = await system.asker()
        key = keys.generate()
        cyclonedx = "https://cyclonedx.org/bom"
        await trust(asker, "key", key, cyclonedx)
        count = STAGED_ABOVE + 777
        listed = [
            {"type": "library", "name": f"n{number}", "purl": f"pkg:npm/n{number}@1", "description": "x" * 200}
            for number in range(count)
        ]
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": "1" * 64}}],
            "predicateType": cyclonedx,
            "predicate": {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": listed},
        }
        data = dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [key])

        async def whole() -> AsyncIterator[bytes]:
            yield data

        kept = await receive_blob(run.database, "shop", whole(), system.clock())
        submit = SubmitEvidence(command_id="b", project="shop", content_digest=kept["content_digest"])
        receipt = await asker.ask(submit, Receipt, deadline=60)
        assert (receipt.verified, receipt.kind) == (True, "sbom")
        again = await asker.ask(submit.model_copy(update={"command_id": "again"}), Receipt, deadline=60)
        assert again.duplicate
        query = queries.ListComponents(project="shop", evidence_id=receipt.evidence_id, limit=400)
        assert await searched(asker, query) == sorted(f"pkg:npm/n{number}@1" for number in range(count))
        with_77 = sorted(f"pkg:npm/n{one}@1" for one in (77, *range(770, 780)))
        assert await searched(asker, query, text="N77", limit=4) == with_77
        assert await searched(asker, query, package_type="pypi") == []
        assert len(await searched(asker, query, license="noassertion", limit=400)) == count
