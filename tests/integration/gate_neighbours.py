"""The gate on real servers, and everybody it hears from: their messages arrive over NATS, under their own users."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from nats.js import JetStreamContext

from contracts.answers import Applied
from contracts.evidence.v1.events import EvidenceAdded
from contracts.facts import EvidenceItem, Facts
from contracts.gate.v1.commands import ApplyPolicy, EvaluateGates, Passage
from contracts.gate.v1.queries import ListVerdicts
from contracts.gate.v1.views import VerdictPage, VerdictView
from contracts.headers import Meta
from contracts.message import Event, Message
from contracts.registry.v1.events import ApplicationApplied, VersionCreated
from contracts.vocabulary import Artifact, Criticality, GateKind, Maturity, Outcome
from services.gate.app import SERVICE
from services.gate.storage.unit_of_work import GateWork
from shared.clock import utc_now
from shared.digests import sha256_digest
from shared.messaging.asking import Asker
from shared.messaging.handlers import Handlers
from shared.messaging.headers import read_meta, write_headers
from shared.service import Running, Service
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.system import System, a_system
from tests.unit.gate.gate_builders import item, rule

TESTS = rule("tests_passed")
SBOM = rule("required_evidence", evidence="sbom")
PROD = Passage(stage="prod", gate=GateKind.ENTRY)
NEIGHBOURS = (
    Service("registry", Handlers(lambda unit: unit), {}),
    Service("evidence", Handlers(lambda unit: unit), {}),
    Service("promotion", Handlers(lambda unit: unit), {}, tells=(EvaluateGates,)),
    Service("monitoring", Handlers(lambda unit: unit), {}),
)
_numbers = count()


class TickingClock(FrozenClock):
    """Moves on by a millisecond whenever it is read, so that no two verdicts are of the same moment."""

    def __call__(self) -> datetime:
        self.advance(milliseconds=1)
        return self.now


def digest_of(version: str) -> str:
    return sha256_digest(f"version {version}".encode())


def artifact_of(version: str) -> str:
    return sha256_digest(f"artifact {version}".encode())


def piece(name: str, facts: Facts, version: str = "1.0.0", **changes: Any) -> EvidenceItem:
    return item(name, facts, subjects=(artifact_of(version),), **changes)


def version_created(version: str = "1.0.0", **changes: Any) -> VersionCreated:
    fields: dict[str, Any] = {
        "project": "shop",
        "application": "cart",
        "version": version,
        "version_digest": digest_of(version),
        "artifacts": (Artifact(purl="pkg:pypi/cart@1.0.0", digest=artifact_of(version)),),
        "nested": (),
        "source": None,
        "criticality": Criticality.LOW,
        "labels": {"app.kubernetes.io/part-of": "shop", "$tier": "web"},
        "owners": ("olga",),
        "by": "ci",
        "at": datetime.fromisoformat("2026-11-20T12:00:00Z"),
    }
    return VersionCreated(**(fields | changes))


def application_applied(criticality: Criticality, revision: int) -> ApplicationApplied:
    return ApplicationApplied(
        project="shop",
        application="cart",
        criticality=criticality,
        maturity=Maturity.PRODUCTION,
        owners=("olga",),
        labels={},
        lifecycle="default",
        packages=(),
        revision=revision,
        digest=sha256_digest(b"cart"),
        by="ann",
        at=datetime.fromisoformat("2026-11-21T12:00:00Z"),
    )


def evidence_added(added: EvidenceItem, **changes: Any) -> EvidenceAdded:
    fields: dict[str, Any] = {
        "project": "shop",
        "application": "cart",
        "item": added,
        "positions": dict.fromkeys(added.subjects, 1),
        "submitted_by": "ci",
    }
    return EvidenceAdded(**(fields | changes))


def evaluate(
    promotion: str, version: str = "1.0.0", *, deadline: datetime | None = None, **changes: Any
) -> EvaluateGates:
    fields: dict[str, Any] = {
        "project": "shop",
        "application": "cart",
        "promotion_id": promotion,
        "attempt": 1,
        "version": version,
        "version_digest": digest_of(version),
        "passages": (PROD,),
        "positions": {},
        "requested_by": "rita",
        "deadline": deadline or utc_now() + timedelta(hours=1),
    }
    return EvaluateGates(**(fields | changes))


def meta(message_id: str = "") -> Meta:
    name = message_id.replace(" ", "-") or f"m-{next(_numbers)}"
    return Meta(message_id=name, correlation_id=name, source="/test", time=utc_now())


@dataclass
class GateAtWork:
    """One or more instances of the gate, and the connections of its neighbours."""

    system: System
    run: Running[GateWork]
    asker: Asker
    clock: FrozenClock
    streams: dict[str, JetStreamContext]

    async def hear(self, message: Message) -> None:
        """Publish a message as the service it belongs to."""
        sender = message.subject.split(".")[2] if isinstance(message, Event) else "promotion"
        if sender not in self.streams:
            self.streams[sender] = (await self.system.connect(sender)).jetstream()
        headers = write_headers(meta(), subject=message.subject)
        body = message.model_dump_json(by_alias=True).encode()
        await self.streams[sender].publish(message.address(), body, headers=headers)

    async def handle(self, message: Message, message_id: str) -> None:
        """Have one instance handle a message right here, past NATS: returns when its work is committed."""
        heard = SERVICE.handlers.heard[type(message)]
        await self.run.dispatcher.dispatch(heard, message, meta(message_id), None)

    async def apply(self, document: dict[str, Any], *, project: str = "shop", **more: Any) -> Applied:
        name = document["metadata"]["name"]
        command = ApplyPolicy(command_id=f"c-{next(_numbers)}", project=project, policy=name, document=document)
        return await self.asker.ask(command, Applied, **more)

    async def count(self, collection: str) -> int:
        return await self.run.database.collection(collection).count({})

    async def verdicts(self, version: str = "1.0.0") -> tuple[VerdictView, ...]:
        """Newest first."""
        query = ListVerdicts(project="shop", application="cart", version=version, limit=500)
        return (await self.asker.ask(query, VerdictPage)).verdicts

    async def verdict_on(
        self, promotion: str, outcome: Outcome, version: str = "1.0.0", *, within: float = 30.0
    ) -> VerdictView:
        """The newest verdict for a promotion, once it says that."""

        async def newest() -> VerdictView | None:
            of_promotion = (v for v in await self.verdicts(version) if v.promotion_id == promotion)
            return next(of_promotion, None)

        found = await eventually(newest, lambda verdict: verdict is not None and verdict.outcome is outcome, within)
        assert found is not None
        return found


@asynccontextmanager
async def a_gate(directory: Path) -> AsyncIterator[GateAtWork]:
    clock = TickingClock(utc_now())
    async with a_system(directory, SERVICE, *NEIGHBOURS, clock=clock) as system:
        run = await system.start(SERVICE)
        yield GateAtWork(system, run, await system.asker(), clock, {})
        for row in await run.database.collection("outbox").every({}):
            read_meta(row["headers"], fallback_id="", now=utc_now())  # Else everybody buries what it says.
