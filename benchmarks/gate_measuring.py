"""One process that measures the gate: it is started anew for each size, so that its first verdict is a cold one.

Floors are taken in the same process and on the same documents: one transaction that reads all of them raw, one
signature over as many bytes as are signed, and one transaction that writes as much as the verdict wrote.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from benchmarks import gate_seeds as seeds
from benchmarks.timing import share, timed
from contracts.facts import EvidenceItem
from contracts.gate.v1.commands import EvaluateGates, Passage
from contracts.headers import Meta
from contracts.vocabulary import GateKind
from services.gate.app import SERVICE
from services.gate.equipment import GateEquipment
from services.gate.storage.evaluations import INDEXES as EVALUATION_INDEXES
from services.gate.storage.unit_of_work import GateWork
from services.gate.storage.verdicts import INDEXES as VERDICT_INDEXES
from services.gate.wire import passages_from
from shared.clock import utc_now
from shared.crypto import keys
from shared.identity import Issuers
from shared.messaging import inbox, outbox
from shared.messaging.asking import Asker
from shared.messaging.broker import make_broker
from shared.messaging.dispatcher import Dispatcher
from shared.messaging.relay import Relay
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, Session, connect, in_transaction
from shared.policy.verdict import DecisionContext, decide
from shared.service import TECHNICAL_INDEXES
from shared.settings import ServiceSettings

PROD = Passage(stage="prod", gate=GateKind.ENTRY)
ALL = 10_000_000
_WRITTEN = {
    "verdicts": VERDICT_INDEXES["verdicts"],
    "evaluations": EVALUATION_INDEXES["evaluations"],
    "inbox": inbox.INDEXES,
    "outbox": outbox.INDEXES,
}
Measured = dict[str, Any]
_numbers = count()


def _no_nats() -> Any:
    raise OSError("what is measured ends with the commit")


@asynccontextmanager
async def a_gate(url: str) -> AsyncIterator[Dispatcher[GateWork]]:
    """The gate's handlers on a database, with nobody to publish what they say."""
    key = keys.generate()
    async with connect(url, "hallmark_gate", application="bench") as database:
        asker = Asker(make_broker(ServiceSettings(service="gate")), source="/bench", own_token=str, clock=utc_now)
        relay = Relay(database, _no_nats, service="gate", owner="bench", clock=utc_now)
        issuers = Issuers({"gateway": key.public_key()})
        equipment = GateEquipment(key)
        yield Dispatcher("gate", SERVICE.handlers, database, issuers, asker, relay, utc_now, equipment)
        await equipment.rego.aclose()


async def set_up(url: str) -> None:
    """Collections and indexes, and what surrounds every version."""
    async with a_gate(url) as gate:
        await gate.database.create_indexes({**TECHNICAL_INDEXES, **SERVICE.indexes})
        await in_work(gate, seeds.surround)


async def in_work(gate: Dispatcher[GateWork], work: Callable[[GateWork], Awaitable[Any]]) -> Any:
    """Do something in one transaction of the gate."""
    return await gate.perform(work, meta=_meta(), key=f"work-{next(_numbers)}-{time.time_ns()}")


def _meta() -> Meta:
    name = f"m-{next(_numbers)}-{time.time_ns()}"
    return Meta(message_id=name, correlation_id=name, source="/bench", time=utc_now())


def question(version: str, pieces: int) -> EvaluateGates:
    """What a promotion tells the gate, with the positions that it has read."""
    positions: dict[str, int] = {}
    for artifact in (one.subjects[0] for one in seeds.evidence_of(version, pieces)):
        positions[artifact] = positions.get(artifact, 0) + 1
    return EvaluateGates(
        project=seeds.PROJECT,
        application=seeds.APPLICATION,
        promotion_id="p",
        attempt=1,
        version=version,
        version_digest=seeds.digest_of(version),
        passages=(PROD,),
        positions=positions,
        requested_by="rita",
        deadline=utc_now() + timedelta(days=1),
    )


class Scene:
    """One version, judged again and again."""

    def __init__(self, gate: Dispatcher[GateWork], version: str, pieces: int) -> None:
        self.gate, self.version, self.pieces = gate, version, pieces
        self.asked = question(version, pieces)
        self.last = ""

    async def verdict(self, _: int) -> None:
        """From the message at hand to the commit."""
        self.last = f"p-{time.time_ns()}"
        message = self.asked.model_copy(update={"promotion_id": self.last})
        await self.gate.dispatch(SERVICE.handlers.heard[EvaluateGates], message, _meta(), None)

    async def written(self) -> dict[str, list[Document]]:
        """What the last verdict wrote."""
        find = self.gate.database.collection
        [verdict] = await find("verdicts").find({"promotion_id": self.last})
        if json.loads(verdict["verdict"])["outcome"] != "allow":
            raise RuntimeError("the verdict is meant to allow")
        [row] = await find("outbox").find({}, sort=(("order", -1),), limit=1)
        [handled] = await find("inbox").find({}, sort=(("at", -1),), limit=1)
        return {
            "verdicts": [verdict],
            "evaluations": await find("evaluations").find({"promotion_id": self.last}),
            "inbox": [handled],
            "outbox": [row],
        }

    async def reads(self) -> dict[str, Document]:
        """By collection, which documents a verdict is given on."""
        application = f"{seeds.PROJECT}/{seeds.APPLICATION}"
        held = await self.dossier()
        return {
            "versions": {"_id": f"{application}/{self.version}"},
            "evidence": {"project": seeds.PROJECT, "subjects": {"$in": sorted(held.subjects)}},
            "applications": {"_id": application},
            "moves": {"version": f"{application}/{self.version}"},
            "standings": {"application": application},
            "incidents": {"application": application},
            "exploitation": {"_id": {"$in": [one.vulnerability for one in held.circumstances.exploitation]}},
            "waivers": {"application": application, "state": "granted", "expires_at": {"$gt": utc_now()}},
            "policies": {"projects": {"$in": [seeds.PROJECT, "*"]}},
        }

    async def dossier(self) -> Any:
        """The parsed dossier."""
        unit = UnitOfWork("gate", self.gate.database, None, _meta(), utc_now())
        held = await GateWork(unit).dossiers.of(seeds.PROJECT, seeds.APPLICATION, self.version)
        if held is None or len(held.dossier.items) != self.pieces:
            raise RuntimeError("the dossier is not what was inserted")
        return held.dossier

    async def floors(self, runs: int) -> Measured:
        """Median milliseconds of what a verdict cannot do without."""
        reads, written = await self.reads(), await self.written()
        announced = bytes(written["outbox"][0]["body"])
        key = keys.generate()

        async def read(session: Session, only: Document | None = None) -> list[Document]:
            for name in reads.keys() - {"evidence"}:
                await session.collection(name).find(reads[name], limit=ALL)
            return await session.collection("evidence").find(reads["evidence"], limit=ALL, only=only)

        async def write(session: Session) -> None:
            for name, rows in written.items():
                fresh = [{**row, "_id": f"{time.time_ns()}", "promotion_id": "bench"} for row in rows]
                await session.collection(f"bench_{name}").add_all(fresh)

        async def whole(_: int) -> None:
            async def work(session: Session) -> None:
                await read(session)
                keys.sign(key, announced)
                await write(session)

            await in_transaction(self.gate.database, work)

        async def decoded(_: int) -> None:
            async def work(session: Session) -> None:
                for one in await read(session):
                    json.loads(one["item"])
                keys.sign(key, announced)
                await write(session)

            await in_transaction(self.gate.database, work)

        async def lean(_: int) -> None:
            async def work(session: Session) -> None:
                await read(session, {"record": 1})
                keys.sign(key, announced)
                await write(session)

            await in_transaction(self.gate.database, work)

        return {
            "floor_ms": share(await timed(runs, whole), 0.5),
            "floor_with_json_ms": share(await timed(runs, decoded), 0.5),
            "floor_ids_only_ms": share(await timed(runs, lean), 0.5),
            "announced_bytes": len(announced),
            "kept_bytes": len(written["verdicts"][0]["verdict"]) + len(written["verdicts"][0]["basis"]),
        }

    async def engine(self, runs: int) -> float:
        """Median milliseconds of the decision alone, on a dossier that is in memory."""
        known = await self.dossier()
        rules = seeds.policies()
        context = DecisionContext("vd-bench", "rita", self.asked.positions)
        passages = passages_from(self.asked.passages)

        async def once(_: int) -> None:
            decide(rules, replace(known), passages, context, utc_now())

        return share(await timed(runs, once), 0.5)


async def measure(url: str, version: str, pieces: int, runs: int) -> Measured:
    """A cold verdict, warm ones, and their floors."""
    async with a_gate(url) as gate:
        await gate.database.create_indexes({f"bench_{name}": rows for name, rows in _WRITTEN.items()})
        await in_transaction(gate.database, _nothing)
        scene = Scene(gate, version, pieces)
        [cold] = await timed(1, scene.verdict)
        await timed(2, scene.verdict)
        warm = await timed(runs, scene.verdict)
        floors = await scene.floors(runs)
        again = await timed(runs, scene.verdict)
        warm = sorted(warm + again)
        return {
            "pieces": pieces,
            "cold_ms": round(cold, 1),
            "p50_ms": share(warm, 0.5),
            "p99_ms": share(warm, 0.99),
            **floors,
            "p50_to_floor": round(share(warm, 0.5) / floors["floor_ms"], 2),
            "p50_to_floor_with_json": round(share(warm, 0.5) / floors["floor_with_json_ms"], 2),
            "cold_to_floor_with_json": round(cold / floors["floor_with_json_ms"], 2),
            "engine_alone_ms": await scene.engine(max(runs // 4, 3)),
        }


async def _nothing(session: Session) -> None:
    await session.collection("inbox").get("")


def read_items(texts: list[str]) -> list[EvidenceItem]:
    """Evidence as it stands in documents."""
    return [EvidenceItem.model_validate_json(text) for text in texts]


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    given_url, given_version, size, times = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(given_url, given_version, int(size), int(times)))))
