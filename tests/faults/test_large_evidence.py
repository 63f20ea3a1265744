"""Sixty megabytes of evidence through the gateway, packed or not, and uploads that break off."""

import asyncio
import gzip
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.evidence.v1.commands import Receipt
from shared.digests import sha256_digest
from shared.mongo import Database, connect
from tests.support.eventually import eventually
from tests.support.evidence_stack import MIB, EvidenceStack, evidence_stack

pytestmark = [pytest.mark.servers, pytest.mark.stack]
LARGEST = 60 * MIB
MOST_GROWTH = 8 * LARGEST
"""The envelope, its text, its payload, that one's text and values, and what is signed are in memory at once."""
PATIENCE_SECONDS = 120


def large(shop: EvidenceStack, size: int, seed: str) -> bytes:
    """An envelope of about that size, which does not pack well."""
    letters = random.Random(seed).randbytes(size * 3 // 8).hex()  # noqa: S311 - no secret
    return shop.envelope(letters)


async def test_sixty_megabytes_are_recorded_proven_and_read_back_byte_for_byte(tmp_path: Path) -> None:
    async with evidence_stack(tmp_path) as shop:
        await shop.trust()
        for encoding in ("identity", "gzip"):
            data = large(shop, LARGEST, encoding)
            assert 0.9 * LARGEST < len(data) < 1.05 * LARGEST
            body = gzip.compress(data, 1) if encoding == "gzip" else data
            memory = shop.memory("evidence")
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await shop.post(body, encoding, **{"content-encoding": encoding})
                assert answer.status_code == 201, answer.text
                receipt = Receipt.model_validate_json(answer.content)
                shop.watch.check(receipt)
                path = f"/projects/shop/evidence/{receipt.evidence_id}/envelope"
                read = await shop.http.get(path)
            assert (receipt.verified, receipt.content_digest) == (True, sha256_digest(data))
            assert read.content == data
            assert memory.grown() < MOST_GROWTH
        assert await shop.watch.problems() == []


async def half(data: bytes, reached: asyncio.Event, go_on: asyncio.Event) -> AsyncIterator[bytes]:
    """The first half; the rest only when it may go on."""
    middle = len(data) // 2
    for start in range(0, middle, MIB):
        yield data[start : min(start + MIB, middle)]
    reached.set()
    await go_on.wait()
    yield data[middle:]


async def stored(database: Database) -> tuple[int, int]:
    """How many whole contents and how many records there are."""
    return await database.collection("blobs").count({}), await database.collection("records").count({})


@pytest.mark.parametrize("who", ["client", "evidence", "gateway"])
async def test_an_upload_that_breaks_off_leaves_nothing_that_counts(tmp_path: Path, who: str) -> None:
    async with evidence_stack(tmp_path) as shop:
        await shop.trust()
        data = large(shop, 16 * MIB, who)
        url = shop.stack.env["evidence"]["HALLMARK_MONGO_URL"]
        async with connect(url, "hallmark_evidence", application="test") as database:
            chunks, uploads = database.collection("blob_chunks"), database.collection("uploads")
            reached, go_on = asyncio.Event(), asyncio.Event()
            upload = asyncio.create_task(shop.post(half(data, reached, go_on), "cut"))
            await reached.wait()
            await eventually(lambda: chunks.count({}))
            if who == "client":
                upload.cancel()
            else:
                await shop.stack.kill(who)
                go_on.set()
            await asyncio.wait({upload})
            if who == "evidence":
                assert upload.result().status_code == 503
            await shop.stack.wait_ready("gateway")
            await shop.stack.wait_ready("evidence")
            assert await stored(database) == (0, 0)
            assert await uploads.count({"expires_at": {"$exists": False}}) == 0, "the rest of it is removed in time"
            answer = await shop.post(data, "cut")
            assert answer.status_code == 201, answer.text
            assert await stored(database) == (1, 1)
            assert await uploads.count({"expires_at": {"$exists": False}}) == 1
            assert await shop.watch.problems() == []
