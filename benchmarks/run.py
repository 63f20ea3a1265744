"""`make bench`: how fast the whole system is, next to what its parts cost at least, measured in the same run.

Floors: one MongoDB transaction with two documents (majority, journaled), one JetStream publish with synced storage. A
promotion is at least three of each. Absolute figures belong to the machine; the ratios are what to compare.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import nats
from pydantic import SecretStr

from benchmarks.timing import share, timed
from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from shared.mongo import Session, connect, in_transaction

SERIAL = 60
INTAKE = 400
AT_ONCE = 16
MONGO_BENCH = "hallmark_gate"


async def transaction_floor(stack: Stack) -> list[float]:
    """One transaction that writes two documents."""
    url = SecretStr(stack.env["gate"]["HALLMARK_MONGO_URL"])
    async with connect(url.get_secret_value(), MONGO_BENCH, application="bench") as database:
        await database.create_indexes({"bench": ()})

        async def once(number: int) -> None:
            async def work(session: Session) -> None:
                await session.collection("bench").put({"_id": f"a{number}"})
                await session.collection("bench").put({"_id": f"b{number}"})

            await in_transaction(database, work)

        return await timed(SERIAL, once)


async def publish_floor(stack: Stack) -> list[float]:
    """One synced publish of 500 bytes on the stream of facts, on a subject that nobody consumes."""
    env = stack.servers.env("registry")
    connection = await nats.connect(
        env["HALLMARK_NATS_URL"],
        user=env["HALLMARK_NATS_USER"],
        password=env["HALLMARK_NATS_PASSWORD"],
        inbox_prefix="_INBOX_registry",
    )
    jetstream = connection.jetstream()

    async def once(_: int) -> None:
        await jetstream.publish("hallmark.evt.registry.bench.measured.v1._._", b"x" * 500, stream="HALLMARK_EVT")

    found = await timed(SERIAL, once)
    await connection.close()
    return found


class Shop:
    """One project with open gates: what is measured is the saga, not a policy."""

    def __init__(self, stack: Stack, token: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=f"{stack.urls['gateway']}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=60
        )
        self.key = keys.generate()

    async def send(self, method: str, path: str, **options: Any) -> Any:
        answer = await self.http.request(method, path, **options)
        answer.raise_for_status()
        return answer.json()

    async def set_up(self) -> None:
        stages = [{"name": name, "open": ["entry", "exit"]} for name in ("dev", "qa", "prod")]
        root = {"keys": [keys.public_pem(self.key.public_key())], "predicate_types": ["*"], "role": "test"}
        await self.send("PUT", "/projects/bench", json={"title": "Bench"})
        await self.send("PUT", "/projects/bench/lifecycles/default", json={"stages": stages})
        await self.send("PUT", "/projects/bench/applications/web", json={})
        await self.send("PUT", "/projects/bench/trust-roots/test", json=root)

    async def create(self, version: str) -> None:
        artifact = {"purl": f"pkg:pypi/web@{version}", "digest": sha256_digest(version.encode())}
        body = {"version": version, "artifacts": [artifact]}
        await self.send("POST", "/projects/bench/applications/web/versions", json=body)

    async def promote(self, version: str) -> float:
        """Milliseconds from request to completed, as the system itself recorded them."""
        body = {"application": "web", "version": version}
        found = await self.send("POST", "/projects/bench/promotions", json=body)
        while found["state"] != "completed":
            await asyncio.sleep(0.03)  # Rarely, so that watching is not what is measured.
            found = await self.send("GET", f"/projects/bench/promotions/{found['promotion_id']}")
        began, ended = (datetime.fromisoformat(found["history"][place]["at"]) for place in (0, -1))
        return (ended - began).total_seconds() * 1000

    def envelope(self, number: int) -> bytes:
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": sha256_digest(f"s{number}".encode()).removeprefix("sha256:")}}],
            "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
            "predicate": {"result": "PASSED", "configuration": [], "passedTests": ["a"]},
        }
        return dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [self.key])

    async def intake(self) -> float:
        """Pieces of evidence per second, taken in over HTTP by several clients at once."""
        envelopes = [self.envelope(number) for number in range(INTAKE)]
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(data: bytes) -> None:
            async with gate:
                await self.send("POST", "/projects/bench/evidence", content=data)

        began = time.perf_counter()
        await asyncio.gather(*(one(data) for data in envelopes))
        return INTAKE / (time.perf_counter() - began)


def memory(pid: int) -> float:
    """Proportional set size of a process in MiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


async def measure(stack: Stack, token: str, cold_start: float) -> dict[str, Any]:
    transaction, publish = await transaction_floor(stack), await publish_floor(stack)
    shop = Shop(stack, token)
    await shop.set_up()
    versions = [f"1.{number}" for number in range(SERIAL)]
    for version in versions:
        await shop.create(version)
    promotions = sorted([await shop.promote(version) for version in versions])
    intake = await shop.intake()
    await shop.http.aclose()
    floor = 3 * (statistics.median(transaction) + statistics.median(publish))
    return {
        "cold_start_s": round(cold_start, 2),
        "floor_transaction_ms": round(statistics.median(transaction), 2),
        "floor_publish_ms": round(statistics.median(publish), 2),
        "promotion_p50_ms": share(promotions, 0.5),
        "promotion_p99_ms": share(promotions, 0.99),
        "promotion_p50_to_floor": round(share(promotions, 0.5) / floor, 1),
        "intake_per_s": round(intake, 1),
        "intake_to_serial_transactions": round(intake * statistics.median(transaction) / 1000, 2),
        "memory_pss_mib": {name: round(memory(pid), 1) for name, pid in stack.pids.items()},
    }


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as folder:
        data = Path(folder) / "data"
        options = stack_options(data)
        began = time.perf_counter()
        async with running_stack(options) as stack:
            cold_start = time.perf_counter() - began
            token = (data / "secrets/admin-token").read_text().strip()
            print(json.dumps(await measure(stack, token, cold_start), indent=2))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
