"""The gate's handlers on a real MongoDB, and one version that they judge again and again."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from benchmarks import gate_seeds as seeds
from benchmarks.gate_facts import digest_of, evidence_of
from contracts.facts import VulnerabilityFacts
from contracts.gate.v1.commands import EvaluateGates, Passage
from contracts.headers import Meta
from contracts.message import Answer, Query
from contracts.vocabulary import Actor, ActorKind, GateKind, Role
from services.gate.app import SERVICE
from services.gate.equipment import GateEquipment
from services.gate.storage.unit_of_work import GateWork
from shared.clock import utc_now
from shared.crypto import keys
from shared.identity import Caller, Issuers, issue_token
from shared.messaging.asking import Asker
from shared.messaging.broker import make_broker
from shared.messaging.dispatcher import Dispatcher
from shared.messaging.relay import Relay
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document, connect
from shared.policy.dossier import Dossier
from shared.service import TECHNICAL_INDEXES
from shared.settings import ServiceSettings

PROD = Passage(stage="prod", gate=GateKind.ENTRY)
A = TypeVar("A", bound=Answer)
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
        public = key.public_key()
        assert isinstance(public, Ed25519PublicKey)
        issuers = Issuers({"gateway": public})
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
    return await gate.perform(work, meta=meta(), key=f"work-{next(_numbers)}-{time.time_ns()}")


def meta() -> Meta:
    name = f"m-{next(_numbers)}-{time.time_ns()}"
    return Meta(message_id=name, correlation_id=name, source="/bench", time=utc_now())


async def asking(gate: Dispatcher[GateWork], query: Query, kind: type[A]) -> A:
    """The answer to a query, asked by an administrator."""
    caller = Caller(Actor(subject="bench", kind=ActorKind.HUMAN), {"*": frozenset({Role.ADMIN})})
    token = issue_token(gate.equipment.key, "gateway", caller, now=utc_now(), lifetime=timedelta(minutes=5))
    reply = await gate.dispatch(SERVICE.handlers.heard[type(query)], query, meta(), token)
    return kind.model_validate((reply or {})["answer"])


def question(version: str, pieces: int) -> EvaluateGates:
    """What a promotion tells the gate, with the positions that it has read."""
    positions: dict[str, int] = {}
    for artifact in (one.subjects[0] for one in evidence_of(version, pieces)):
        positions[artifact] = positions.get(artifact, 0) + 1
    return EvaluateGates(
        project=seeds.PROJECT,
        application=seeds.APPLICATION,
        promotion_id="p",
        attempt=1,
        version=version,
        version_digest=digest_of(version),
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
        await self.gate.dispatch(SERVICE.handlers.heard[EvaluateGates], message, meta(), None)

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
            "exploitation": {"_id": {"$in": named_in(held)}},
            "waivers": {"application": application, "state": "granted", "expires_at": {"$gt": utc_now()}},
            "policies": {"projects": {"$in": [seeds.PROJECT, "*"]}},
        }

    async def dossier(self) -> Dossier:
        """The parsed dossier."""
        unit = UnitOfWork("gate", self.gate.database, None, meta(), utc_now())
        held = await GateWork(unit).dossiers.of(seeds.PROJECT, seeds.APPLICATION, self.version)
        if held is None or len(held.dossier.items) != self.pieces:
            raise RuntimeError("the dossier is not what was inserted")
        return held.dossier


def named_in(dossier: Dossier) -> list[str]:
    """The vulnerabilities that its scans name, by all of their ids."""
    scans = [item.facts for item in dossier.items if isinstance(item.facts, VulnerabilityFacts)]
    return sorted({name for scan in scans for one in scan.vulnerabilities for name in (one.id, *one.aliases)})
