"""Abuse case 31 on real processes: what is too much is refused, and costs little memory. A hang fails."""

import asyncio
import gzip
from pathlib import Path

import pytest

from contracts.evidence.v1 import queries, views
from tests.support.evidence_stack import MIB, EvidenceStack, evidence_stack

pytestmark = [pytest.mark.servers, pytest.mark.stack]
HEAD = b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://example.com/x","subject":['
MOST_GROWTH = 50_000_000
PATIENCE_SECONDS = 60


def attacks(shop: EvidenceStack) -> dict[str, tuple[bytes, int]]:
    subject = b'{"digest":{"sha256":"%064x"}}'
    deep = b'{"_type":"https://in-toto.io/Statement/v1","predicate":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    nothing = gzip.compress(bytes(300 * MIB), 9)
    return {
        "ten megabytes of nothing": (b"x" * 10_000_000, 422),
        "nested outside": (b"[" * 10_000 + b"]" * 10_000, 422),
        "nested inside": (shop.signed(deep), 422),
        "ten megabytes of brackets": (b"[" * 10_000_000, 413),
        "ten megabytes of keys": (b"{" + b",".join(b'"%d":0' % number for number in range(800_000)) + b"}", 413),
        "a million subjects": (shop.signed(HEAD + b",".join([subject % 1] * 1_000_000) + b"]}"), 413),
        "a million short subjects": (shop.signed(HEAD + b",".join([b"{}"] * 1_000_000) + b"]}"), 413),
        "a gzip bomb": (nothing, 413),
        "a gzip bomb in a gzip bomb": (gzip.compress(nothing), 422),
    }


async def test_31_what_is_too_much_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    async with evidence_stack(tmp_path) as shop:
        await shop.trust()
        assert (await shop.post(shop.envelope("x" * 300_000), "warm")).is_success
        for what, (body, status) in attacks(shop).items():
            memories = {name: shop.memory(name) for name in ("gateway", "evidence")}
            packed = {"content-encoding": "gzip"} if "gzip" in what else {}
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await shop.post(body, what.replace(" ", "-"), **packed)
            grown = {name: memory.grown() for name, memory in memories.items()}
            assert answer.status_code == status, f"{what}: {answer.text}"
            assert answer.json()["code"], what
            assert answer.json()["remedy"], what
            assert max(grown.values()) <= MOST_GROWTH, f"{what}: {grown}"
        page = await shop.asker.ask(queries.ListEvidence(project="shop"), views.EvidencePage)
        assert len(page.evidence) == 1, "nothing of it is kept"
        assert (await shop.post(shop.envelope("after"), "after")).json()["verified"]
        assert await shop.watch.problems() == []
