"""Evidence intake and log proofs beside their floors, at an empty log and at a million entries.

Floors, taken in the same run: what one piece costs at least is a signature check, a majority insert of the envelope,
and the smallest transaction that can append to a log (an entry and the edge of the tree together). In bulk, the same
for 256 pieces at once. Messages, a receipt, positions, idempotency and an announcement are what the program adds.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.timing import share, timed
from contracts.answers import Applied
from contracts.evidence.v1.commands import (
    MAX_BATCH,
    ApplyTrustRoot,
    BatchReceipt,
    Receipt,
    SubmitEvidence,
    SubmitEvidenceBatch,
)
from contracts.evidence.v1.queries import ProveInclusion
from contracts.evidence.v1.views import InclusionProof
from contracts.vocabulary import Actor, ActorKind, Role
from deploy.local.stack import Stack, running_stack
from deploy.secrets import Secrets, create_secrets
from deploy.system import stack_options
from shared.clock import utc_now
from shared.crypto import dsse, keys, merkle
from shared.crypto.tiles import Edge
from shared.digests import sha256_digest
from shared.identity import Caller, issue_token, load_identity_key
from shared.messaging.asking import Asker
from shared.messaging.broker import make_broker
from shared.mongo import Database, Session, connect, in_transaction
from shared.settings import ServiceSettings

SERIAL, BULK, AT_ONCE, PROOFS = 200, 4000, 6, 500
GROUP = 256
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
Measured = dict[str, Any]


def envelope(key: keys.PrivateKey, number: str) -> bytes:
    """A signed statement of 4 KiB."""
    names = [f"tests/unit/test_{number}.py::test_case_{case:04}" for case in range(50)]
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": sha256_digest(number.encode()).removeprefix("sha256:")}}],
        "predicateType": TESTS,
        "predicate": {"result": "PASSED", "configuration": [], "passedTests": names},
    }
    return dsse.sign(PAYLOAD_TYPE, json.dumps(statement).encode(), [key])


async def floors(database: Database, key: keys.PrivateKey) -> tuple[float, float]:
    """Milliseconds for a single piece, and pieces per second in bulk."""
    await database.create_indexes({"bench_records": (), "bench_entries": (), "bench_state": ()})
    records = database.collection("bench_records")
    envelopes = [envelope(key, f"floor{number}") for number in range(GROUP)]

    async def append(batch: list[bytes]) -> None:
        async def work(session: Session) -> None:
            await session.collection("bench_state").put({"_id": "log", "edge": bytes(4096)})
            rows = [{"leaf": merkle.leaf_hash(data), "entry": data[:300]} for data in batch]
            await session.collection("bench_entries").add_all(rows)

        await in_transaction(database, work)

    async def put(batch: list[bytes]) -> None:
        for data in batch:
            dsse.verify(dsse.parse(data), [key.public_key()])
        await records.add_all([{"data": data} for data in batch])
        await append(batch)

    async def one(number: int) -> None:
        await put([envelopes[number % GROUP]])

    async def group(_: int) -> None:
        await put(envelopes)

    single = await timed(SERIAL, one)
    bulk = await timed(12, group)
    return statistics.median(single), GROUP / statistics.median(bulk) * 1000


async def settled(database: Database) -> None:
    """Wait until everything that was taken in has been published, so that one measurement does not slow the next."""
    while await database.collection("outbox").find_one({"sent": False}):  # noqa: ASYNC110 - another process publishes
        await asyncio.sleep(0.2)


async def seed(database: Database, size: int, show: Callable[[str], None]) -> None:
    """Grow the log to `size` entries as its sequencer would have, in fewer writes."""
    state = await database.collection("log_state").get("log")
    edge = Edge(state["size"], tuple(bytes(tile) for tile in state["unfinished"])) if state else Edge()
    while edge.size < size:
        first = edge.size
        bodies = [
            f'{{"seed":{number},"fill":"{"x" * 220}"}}'.encode() for number in range(first, min(first + 5000, size))
        ]
        leaves = [merkle.leaf_hash(body) for body in bodies]
        edge, full = edge.grown(leaves)
        rows = enumerate(zip(bodies, leaves, strict=True), first)
        await database.collection("log_entries").add_all(
            [
                {"_id": index, "entry": body, "leaf": leaf, "about": [sha256_digest(leaf), f"ev-{leaf.hex()[:32]}"]}
                for index, (body, leaf) in rows
            ]
        )
        await database.collection("log_tiles").add_all(
            [{"_id": str(tile), "hashes": data} for tile, data in full.items()]
        )
        if edge.size // 100_000 > first // 100_000:
            show(f"{edge.size:,} entries")
    change = {"$set": {"size": edge.size, "unfinished": list(edge.unfinished)}}
    await database.collection("log_state").update({"_id": "log"}, change)


class Client:
    """Asks the evidence service as the gateway does."""

    def __init__(self, asker: Asker, key: keys.PrivateKey, name: str) -> None:
        self.asker, self.key, self.name = asker, key, name
        self.sizes: list[int] = []

    async def trust(self) -> None:
        """Apply the trust root that all envelopes are signed under."""
        pem = keys.public_pem(self.key.public_key())
        root = ApplyTrustRoot(
            command_id=self.name, project="bench", trust_root="t", keys=(pem,), predicate_types=(TESTS,), role="test"
        )
        await self.asker.ask(root, Applied)

    async def submit(self, data: bytes, name: str) -> None:
        """Hand one piece in; the receipt must say that it counts, and prove that it is in the log."""
        command = SubmitEvidence(command_id=f"{self.name}-{name}", project="bench", envelope=data.decode())
        receipt = await self.asker.ask(command, Receipt, deadline=60)
        if not receipt.verified or receipt.inclusion is None:
            raise RuntimeError(f"not verified and logged: {receipt}")
        self.sizes.append(receipt.inclusion.size)

    async def submit_batch(self, batch: list[bytes], name: str) -> None:
        """As `submit`, for several at once."""
        envelopes = tuple(data.decode() for data in batch)
        command = SubmitEvidenceBatch(command_id=f"{self.name}-b{name}", project="bench", envelopes=envelopes)
        answer = await self.asker.ask(command, BatchReceipt, deadline=60)
        for outcome in answer.outcomes:
            if not outcome.receipt or not outcome.receipt.verified or outcome.receipt.inclusion is None:
                raise RuntimeError(f"not verified and logged: {outcome}")
            self.sizes.append(outcome.receipt.inclusion.size)

    async def measure(self, floor_ms: float, floor_rate: float) -> Measured:
        """Latency of one after the other, rate of many at once, and proofs."""
        envelopes = [envelope(self.key, f"{self.name}-{number}") for number in range(SERIAL + BULK)]
        latency = await timed(SERIAL, lambda number: self.submit(envelopes[number], str(number)))
        gate = asyncio.Semaphore(AT_ONCE)

        async def batch(first: int) -> None:
            async with gate:
                await self.submit_batch(envelopes[first : first + MAX_BATCH], str(first))

        began = time.perf_counter()
        await asyncio.gather(*(batch(first) for first in range(SERIAL, SERIAL + BULK, MAX_BATCH)))
        rate = BULK / (time.perf_counter() - began)
        size = max(self.sizes)
        chosen = random.Random(7)  # noqa: S311 - the same places in every run

        async def prove(_: int) -> None:
            await self.asker.ask(ProveInclusion(index=chosen.randrange(size)), InclusionProof)

        proofs = await timed(PROOFS, prove)
        began = time.perf_counter()
        await asyncio.gather(*(prove(number) for number in range(PROOFS)))
        return {
            "log_entries": size,
            "latency_p50_ms": share(latency, 0.5),
            "latency_p99_ms": share(latency, 0.99),
            "latency_p50_to_floor": round(share(latency, 0.5) / floor_ms, 2),
            "rate_per_s": round(rate),
            "rate_to_bulk_floor": round(rate / floor_rate, 2),
            "proof_p50_ms": share(proofs, 0.5),
            "proof_p99_ms": share(proofs, 0.99),
            "proofs_per_s": round(PROOFS / (time.perf_counter() - began)),
        }


@asynccontextmanager
async def a_client(stack: Stack, secrets: Secrets, key: keys.PrivateKey, name: str) -> AsyncIterator[Client]:
    """A client with an administrator's token."""
    env = {name.removeprefix("HALLMARK_").lower(): value for name, value in stack.env["gateway"].items()}
    wanted: dict[str, Any] = {name: env[name] for name in env if name in ServiceSettings.model_fields}
    broker = make_broker(ServiceSettings(**wanted))
    caller = Caller(Actor(subject="bench", kind=ActorKind.HUMAN), {"*": frozenset({Role.ADMIN})})
    identity = load_identity_key(secrets.identity("gateway"))
    token = issue_token(identity, "gateway", caller, now=datetime.now(UTC), lifetime=timedelta(hours=2))
    await broker.connect()
    try:
        yield Client(Asker(broker, source="/bench", own_token=lambda: token, clock=utc_now), key, name)
    finally:
        await broker.stop()


async def measure_evidence(size: int, show: Callable[[str], None]) -> Measured:
    """All of it, on a stack of its own with the evidence service alone behind NATS."""
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as folder:
        data = Path(folder) / "data"
        options = stack_options(data)
        options = replace(options, services=[one for one in options.services if one.name in ("evidence", "gateway")])
        secrets = create_secrets(data.resolve() / "secrets")
        key = keys.generate()
        async with running_stack(options) as stack:
            url = stack.env["evidence"]["HALLMARK_MONGO_URL"]
            async with connect(url, "hallmark_evidence", application="bench") as database:
                single, bulk = await floors(database, key)
                async with a_client(stack, secrets, key, "empty") as client:
                    await client.trust()
                    empty = await client.measure(single, bulk)
                show("empty log measured")
                await seed(database, size, show)
                await settled(database)
                async with a_client(stack, secrets, key, "full") as client:
                    full = await client.measure(single, bulk)
    return {
        "floor_single_ms": round(single, 2),
        "floor_bulk_per_s": round(bulk),
        "empty_log": empty,
        "full_log": full,
        "full_to_empty_latency": round(full["latency_p50_ms"] / empty["latency_p50_ms"], 2),
        "full_to_empty_rate": round(empty["rate_per_s"] / full["rate_per_s"], 2),
    }


if __name__ == "__main__":
    import sys

    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(json.dumps(asyncio.run(measure_evidence(entries, lambda text: print(text, file=sys.stderr))), indent=2))
