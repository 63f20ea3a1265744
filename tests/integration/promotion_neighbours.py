"""The promotion service on real servers, among neighbours that follow a script."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from contracts.evidence.v1.commands import AttestPassage, RecordApproval, RecordBrokenGlass, WithdrawPassage
from contracts.evidence.v1.events import PassageAttested, PassageWithdrawn
from contracts.evidence.v1.queries import ReadPositions
from contracts.evidence.v1.views import Positions
from contracts.findings import Finding
from contracts.gate.v1.commands import EvaluateGates
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.queries import ConfirmVerdict, JudgeGates
from contracts.gate.v1.views import Confirmation, Judgement
from contracts.headers import Meta
from contracts.message import DeadLetter, Message, Tell
from contracts.promotion.v1.commands import RequestPromotion
from contracts.promotion.v1.queries import ListPromotions, ShowPromotion
from contracts.promotion.v1.views import PromotionPage, PromotionView
from contracts.registry.v1.commands import MoveVersion, MoveVersionsTogether
from contracts.registry.v1.events import MoveRefused, VersionMoved
from contracts.registry.v1.queries import ShowVersion
from contracts.registry.v1.views import StageMove, StageView, VersionView
from contracts.vocabulary import (
    Artifact,
    Criticality,
    Digest,
    GateKind,
    Mode,
    Outcome,
    PromotionState,
    ReleaseStatus,
    Role,
    SourceCommit,
)
from services.promotion.app import SERVICE
from services.promotion.storage.unit_of_work import PromotionWork
from shared.clock import utc_now
from shared.crypto import keys
from shared.digests import sha256_digest
from shared.messaging.asking import Asker
from shared.messaging.handlers import Handlers
from shared.messaging.headers import write_headers
from shared.messaging.unit_of_work import UnitOfWork
from shared.service import Running, Service
from tests.support.clearances import signed_verdict
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.system import System, a_system

T = TypeVar("T", bound=Tell)
PASSAGE = sha256_digest(b"passage")
EVIDENCE_SET = sha256_digest(b"evidence set")
MADE = datetime(2026, 1, 1, tzinfo=UTC)
STAGES = ("dev", "qa", "prod")
ARTIFACT = Artifact(purl="pkg:pypi/cart@1.0", digest=sha256_digest(b"artifact"))
_numbers = count()


def digest_of(version: str) -> str:
    return sha256_digest(f"version {version}".encode())


def a_finding(outcome: Outcome, awaits: str | None = None) -> Finding:
    return Finding(
        policy="entry",
        policy_digest=sha256_digest(b"policy"),
        rule="a-rule",
        title="A rule",
        gate=GateKind.ENTRY,
        stage="prod",
        mode=Mode.BLOCK,
        outcome=outcome,
        observed="what was there",
        required="what is asked for",
        remedy="Do this next.",
        awaits=awaits,
    )


@dataclass
class Script:
    """What the neighbours know, what they will say next (the good thing when nothing is planned), what they heard."""

    stages: dict[str, str | None] = field(default_factory=dict)
    entered: dict[str, tuple[str, ...]] = field(default_factory=dict)
    verdicts: list[Finding | None] = field(default_factory=list)
    """Planned answers of the gate; None keeps it silent."""
    verdicts_say: dict[str, Any] = field(default_factory=dict)
    """What every verdict says besides."""
    gate_key: keys.PrivateKey | None = None
    """What the gate signs its verdicts with."""
    artifact: Digest = ARTIFACT.digest
    """What the gate knows the versions to be made of."""
    source: SourceCommit | None = None
    stage_says: dict[str, Any] = field(default_factory=dict)
    """What every stage of the lifecycle says besides."""
    confirmations: list[str] = field(default_factory=list)
    confirmed: list[ConfirmVerdict] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    recorded: int = 3
    told: list[Tell] = field(default_factory=list)

    def heard(self, kind: type[T]) -> list[T]:
        return [tell for tell in self.told if isinstance(tell, kind)]

    def signed(self, said: VerdictIssued) -> VerdictIssued:
        assert self.gate_key is not None
        return signed(said, self.gate_key, self.artifact)

    def version(self, query: ShowVersion) -> VersionView:
        history = [
            StageMove(
                promotion_id="pr-before",
                kind="promote",
                from_stage=None,
                to_stage=stage,
                at=utc_now(),
                by="ann",
                verdict_id="vd-before",
                passage_digest=PASSAGE,
            )
            for stage in self.entered.get(query.version, ())
        ]
        return VersionView(
            project=query.project,
            application=query.application,
            version=query.version,
            digest=digest_of(query.version),
            artifacts=(ARTIFACT,),
            created_at=MADE + timedelta(days=float(query.version)),
            created_by="ci",
            source=self.source,
            stage=self.stages.get(query.version),
            release_status=ReleaseStatus.PRE_RELEASE,
            lifecycle=tuple(
                StageView(name=name, title="", release=name == "prod", **self.stage_says) for name in STAGES
            ),
            history=tuple(history),
            criticality=Criticality.HIGH,
            owners=("team-cart",),
        )


def verdict_on(question: EvaluateGates, finding: Finding, at: Any, **more: Any) -> VerdictIssued:
    """What the gate says, before anybody has signed it."""
    number = next(_numbers)
    said = VerdictIssued(
        project=question.project,
        application=question.application,
        version=question.version,
        version_digest=question.version_digest,
        verdict_id=f"vd-{number}",
        promotion_id=question.promotion_id,
        attempt=question.attempt,
        passages=question.passages,
        outcome=finding.outcome,
        findings=(finding,),
        policy_digests=(finding.policy_digest,),
        evidence=(),
        evidence_set=EVIDENCE_SET,
        fingerprint=EVIDENCE_SET,
        judged_at=at,
        expires_at=at + timedelta(minutes=15),
        kind=question.kind,
        requested_by=question.requested_by,
    )
    return VerdictIssued.model_validate(said.model_dump() | more)


def signed(said: VerdictIssued, key: keys.PrivateKey, artifact: Digest = ARTIFACT.digest) -> VerdictIssued:
    return signed_verdict(said, key, artifacts=(artifact,))


def registry(script: Script) -> Service[Any]:
    handlers: Handlers[UnitOfWork] = Handlers(lambda unit: unit)

    @handlers.query(ShowVersion)
    async def show_version(query: ShowVersion, work: UnitOfWork) -> VersionView:
        work.caller.require_member(query.project)
        return script.version(query)

    @handlers.on(MoveVersion)
    async def move_version(tell: MoveVersion, work: UnitOfWork) -> None:
        script.told.append(tell)
        if script.refusals:
            work.announce(refused(tell, script.refusals.pop(0), work.now))
            return
        script.stages[tell.version] = tell.to_stage
        work.announce(moved(tell, work.now))

    @handlers.on(MoveVersionsTogether)
    async def move_together(tell: MoveVersionsTogether, work: UnitOfWork) -> None:
        script.told.append(tell)
        moves = [MoveVersion(project=tell.project, **one.model_dump()) for one in tell.moves]
        at_fault = script.refusals.pop(0) if script.refusals else ""
        for place, one in enumerate(moves):
            if at_fault:
                work.announce(refused(one, "group_refused" if place else at_fault, work.now))
            else:
                script.stages[one.version] = one.to_stage
                work.announce(moved(one, work.now))

    return Service("registry", handlers, {})


def refused(tell: MoveVersion, code: str, at: Any) -> MoveRefused:
    same = tell.model_dump(include=set(MoveRefused.model_fields))
    return MoveRefused(**same, code=code, message="it is not so any more", at=at)


def moved(tell: MoveVersion, at: Any) -> VersionMoved:
    return VersionMoved(
        **tell.model_dump(include=set(VersionMoved.model_fields)),
        release=tell.to_stage == "prod",
        release_status=ReleaseStatus.TRUSTED_RELEASE if tell.trusted else ReleaseStatus.RELEASED,
        replaced="0.9",
        source=None,
        criticality=Criticality.HIGH,
        owners=(),
        by=tell.requested_by,
        at=at,
    )


def evidence(script: Script) -> Service[Any]:
    handlers: Handlers[UnitOfWork] = Handlers(lambda unit: unit)

    @handlers.query(ReadPositions)
    async def read_positions(query: ReadPositions, work: UnitOfWork) -> Positions:
        work.caller.require_member(query.project)
        return Positions(positions=dict.fromkeys(query.subjects, script.recorded))

    @handlers.on(AttestPassage)
    async def attest_passage(tell: AttestPassage, work: UnitOfWork) -> None:
        script.told.append(tell)
        same = tell.model_dump(include=set(PassageAttested.model_fields))
        work.announce(PassageAttested(**same, passage_digest=PASSAGE, log_index=7, at=work.now))

    @handlers.on(WithdrawPassage)
    async def withdraw_passage(tell: WithdrawPassage, work: UnitOfWork) -> None:
        script.told.append(tell)
        same = tell.model_dump(include=set(PassageWithdrawn.model_fields))
        work.announce(PassageWithdrawn(**same, withdrawal_digest=PASSAGE, log_index=8, at=work.now))

    @handlers.on(RecordBrokenGlass)
    async def record_broken_glass(tell: RecordBrokenGlass, work: UnitOfWork) -> None:
        work.collection("heard")
        script.told.append(tell)

    @handlers.on(RecordApproval)
    async def record_approval(tell: RecordApproval, work: UnitOfWork) -> None:
        work.collection("heard")
        script.told.append(tell)

    return Service("evidence", handlers, {})


def gate(script: Script) -> Service[Any]:
    handlers: Handlers[UnitOfWork] = Handlers(lambda unit: unit)

    @handlers.on(EvaluateGates)
    async def evaluate_gates(tell: EvaluateGates, work: UnitOfWork) -> None:
        script.told.append(tell)
        finding = script.verdicts.pop(0) if script.verdicts else a_finding(Outcome.ALLOW)
        if finding:
            work.announce(script.signed(verdict_on(tell, finding, work.now, **script.verdicts_say)))

    @handlers.query(ConfirmVerdict)
    async def confirm_verdict(query: ConfirmVerdict, work: UnitOfWork) -> Confirmation:
        work.caller.require_member(query.project)
        script.confirmed.append(query)
        because = script.confirmations.pop(0) if script.confirmations else ""
        return Confirmation(verdict_id=query.verdict_id, holds=not because, because=because)

    @handlers.query(JudgeGates)
    async def judge_gates(query: JudgeGates, work: UnitOfWork) -> Judgement:
        work.caller.require_member(query.project)
        finding = a_finding(Outcome.PENDING, awaits=f"{query.requested_by}: {len(query.passages)} gates")
        return Judgement(outcome=finding.outcome, findings=(finding,), evidence_set=EVIDENCE_SET, judged_at=work.now)

    return Service("gate", handlers, {})


@dataclass
class Saga:
    """The promotion service at work, and whoever asks it."""

    system: System
    run: Running[PromotionWork]
    asker: Asker
    clock: FrozenClock
    script: Script

    def token(self, subject: str = "rita", *roles: Role, **more: Any) -> str:
        return self.system.token(subject, *(roles or (Role.RELEASE_MANAGER,)), project="shop", **more)

    async def request(self, version: str = "1.0", *, token: str = "", **fields: Any) -> PromotionView:
        fields = {"command_id": f"c-{next(_numbers)}", "project": "shop", "application": "cart"} | fields
        command = RequestPromotion(version=version, **fields)
        return await self.asker.ask(command, PromotionView, token=token or self.token())

    async def show(self, promotion_id: str) -> PromotionView:
        return await self.asker.ask(ShowPromotion(project="shop", promotion_id=promotion_id), PromotionView)

    async def promotions(self) -> tuple[PromotionView, ...]:
        return (await self.asker.ask(ListPromotions(project="shop"), PromotionPage)).promotions

    async def becomes(self, promotion_id: str, state: PromotionState) -> PromotionView:
        return await eventually(lambda: self.show(promotion_id), lambda view: view.state is state)

    async def rules(self, question: EvaluateGates, outcome: Outcome, **more: Any) -> VerdictIssued:
        """Have the gate give a verdict of its own accord, signed."""
        verdict = self.script.signed(verdict_on(question, a_finding(outcome), self.clock(), **more))
        await self.says("gate", verdict)
        return verdict

    async def dead_letters(self) -> list[DeadLetter]:
        jetstream = (await self.system.connect("provision")).jetstream()
        last = (await jetstream.stream_info("HALLMARK_DEAD")).state.last_seq
        found = [await jetstream.get_msg("HALLMARK_DEAD", number) for number in range(1, last + 1)]
        return [DeadLetter.model_validate_json(message.data or b"") for message in found]

    async def says(self, sender: str, message: Message) -> None:
        """Publish a fact as the service it belongs to."""
        name = f"m-{next(_numbers)}"
        meta = Meta(message_id=name, correlation_id=name, source="/test", time=self.clock())
        headers = write_headers(meta, subject=message.subject)
        stream = (await self.system.connect(sender)).jetstream()
        await stream.publish(message.address(), message.model_dump_json(by_alias=True).encode(), headers=headers)


@asynccontextmanager
async def a_saga(directory: Path) -> AsyncIterator[Saga]:
    clock, script = FrozenClock(utc_now()), Script(stages={"1.0": "qa", "2.0": "qa"})
    neighbours = (registry(script), evidence(script), gate(script))
    async with a_system(directory, SERVICE, *neighbours, clock=clock) as system:
        script.gate_key = keys.load_private((directory / "gate.key").read_bytes())
        run = await system.start(SERVICE)
        for neighbour in neighbours:
            await system.start(neighbour)
        yield Saga(system, run, await system.asker(), clock, script)
