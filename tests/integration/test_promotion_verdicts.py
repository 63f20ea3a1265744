"""Which verdicts the saga believes, on a real NATS and MongoDB, and what a verdict on waivers has for effects."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.evidence.v1.commands import AttestPassage
from contracts.gate.v1.commands import EvaluateGates
from contracts.gate.v1.events import VerdictIssued
from contracts.message import DeadLetter, Tell
from contracts.registry.v1.commands import MoveVersion
from contracts.vocabulary import Outcome, PromotionKind, PromotionState
from shared.crypto import keys
from shared.digests import sha256_digest
from tests.integration.promotion_neighbours import Saga, a_finding, a_saga, digest_of, signed, verdict_on
from tests.integration.test_promotion import said
from tests.support.eventually import eventually

pytestmark = pytest.mark.servers
S = PromotionState


async def question_of(saga: Saga, version: str = "1.0") -> EvaluateGates:
    """Ask for a promotion whose gate stays silent."""
    saga.script.verdicts = [None]
    promotion = (await saga.request(version)).promotion_id

    async def asked() -> list[EvaluateGates]:
        return [tell for tell in saga.script.heard(EvaluateGates) if tell.promotion_id == promotion]

    return (await eventually(asked))[0]


async def buried(saga: Saga, count: int) -> list[DeadLetter]:
    letters = await eventually(saga.dead_letters, lambda found: len(found) >= count)
    assert len(letters) == count
    return letters


async def stays(saga: Saga, promotion_id: str) -> None:
    shown = await saga.show(promotion_id)
    assert (shown.state, shown.attempt, len(shown.history), shown.verdict_id) == (S.CHECKING, 1, 2, None)


async def test_a_verdict_that_the_gate_has_not_signed_is_buried_and_moves_nothing(tmp_path: Path) -> None:
    """Abuse case 41."""
    async with a_saga(tmp_path) as saga:
        question, other = await question_of(saga), await question_of(saga, "3.0")
        allowed = verdict_on(question, a_finding(Outcome.ALLOW), saga.clock())
        denied = saga.script.signed(verdict_on(question, a_finding(Outcome.DENY), saga.clock()))
        elsewhere = saga.script.signed(verdict_on(other, a_finding(Outcome.ALLOW), saga.clock()))
        gateway = keys.load_private((tmp_path / "gateway.key").read_bytes())
        forged: dict[str, VerdictIssued] = {
            "no signature": allowed,
            "a stranger's key": signed(allowed, keys.generate()),
            "another service's key": signed(allowed, gateway),
            "an altered outcome": denied.model_copy(update={"outcome": Outcome.ALLOW}),
            "a finding less": denied.model_copy(update={"findings": ()}),
            "the signature of another promotion": allowed.model_copy(update={"signature": elsewhere.signature}),
            "another promotion's verdict, renamed": elsewhere.model_copy(
                update={"promotion_id": question.promotion_id, "version_digest": question.version_digest}
            ),
        }
        for verdict in forged.values():
            await saga.says("gate", verdict)
        letters = await buried(saga, len(forged))
        assert {letter.code for letter in letters} == {"verdict_signature_invalid"}
        assert all(letter.original_subject.startswith(VerdictIssued.subject) for letter in letters)
        await stays(saga, question.promotion_id)
        await stays(saga, other.promotion_id)
        assert not saga.script.heard(AttestPassage)

        # The sweep asks the gate again, and what it says then counts.
        saga.clock.advance(seconds=31)
        await saga.becomes(question.promotion_id, S.COMPLETED)
        assert len([tell for tell in saga.script.heard(EvaluateGates) if tell.version == "1.0"]) == 2


async def silent(saga: Saga, question: EvaluateGates, *ignored: VerdictIssued) -> None:
    """These change nothing; the true one that comes after them shows that they have been handled."""
    for verdict in ignored:
        await saga.says("gate", verdict)
    durable = "promotion-evt-gate-verdict-issued-v1"
    jetstream = (await saga.system.connect("provision")).jetstream()

    async def waiting() -> int:
        consumer = await jetstream.consumer_info("HALLMARK_EVT", durable)
        left: int = consumer.num_pending + consumer.num_ack_pending
        return left

    await eventually(waiting, lambda count: count == 0)
    await stays(saga, question.promotion_id)


def on(saga: Saga, question: EvaluateGates, **more: Any) -> VerdictIssued:
    return saga.script.signed(verdict_on(question, a_finding(Outcome.ALLOW), saga.clock(), **more))


async def test_a_verdict_of_another_promotion_attempt_or_digest_is_ignored(tmp_path: Path) -> None:
    """Abuse case 39."""
    async with a_saga(tmp_path) as saga:
        question = await question_of(saga)
        await silent(
            saga,
            question,
            on(saga, question, promotion_id="pr-unheard-of"),
            on(saga, question, attempt=2),
            on(saga, question, version_digest=digest_of("2.0")),
        )
        await saga.rules(question, Outcome.ALLOW)
        await saga.becomes(question.promotion_id, S.COMPLETED)
        assert not await saga.dead_letters()


async def test_a_duplicated_and_a_late_verdict_are_ignored(tmp_path: Path) -> None:
    """Abuse case 39."""
    async with a_saga(tmp_path) as saga:
        question = await question_of(saga)
        verdict = await saga.rules(question, Outcome.ALLOW)
        done = await saga.becomes(question.promotion_id, S.COMPLETED)
        await saga.says("gate", verdict)
        await saga.rules(question, Outcome.DENY)
        next_one = await question_of(saga, "2.0")
        await saga.rules(next_one, Outcome.ALLOW)
        await saga.becomes(next_one.promotion_id, S.COMPLETED)
        assert (await saga.show(question.promotion_id)).history == done.history
        assert len([tell for tell in saga.script.heard(MoveVersion) if tell.version == "1.0"]) == 1


async def test_an_expired_verdict_moves_nothing_and_the_gates_are_asked_again(tmp_path: Path) -> None:
    """Abuse case 40."""
    async with a_saga(tmp_path) as saga:
        question = await question_of(saga)
        await saga.rules(question, Outcome.ALLOW, expires_at=saga.clock() - timedelta(seconds=1))
        done = await saga.becomes(question.promotion_id, S.COMPLETED)
        assert done.attempt == 2
        assert done.history[2].because.startswith("judged again, since the verdict was good until")
        assert [tell.attempt for tell in saga.script.heard(AttestPassage)] == [2]


def says(tells: list[Any]) -> list[tuple[bool, tuple[str, ...], PromotionKind]]:
    return [(tell.trusted, tell.waivers, tell.kind) for tell in tells]


async def test_a_release_on_waivers_that_may_not_be_trusted_is_released_and_no_trust_is_said(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        waiver = {"waiver_id": "wv-1", "digest": sha256_digest(b"waiver")}
        saga.script.verdicts_say = {"waivers": (waiver,), "may_be_trusted": False}
        done = await saga.becomes((await saga.request(kind=PromotionKind.RELEASE)).promotion_id, S.COMPLETED)
        assert (done.waivers, done.may_be_trusted, done.release) == (("wv-1",), False, True)
        told: list[Tell] = [*saga.script.heard(AttestPassage), *saga.script.heard(MoveVersion)]
        assert says(told) == [(False, ("wv-1",), PromotionKind.RELEASE)] * 2
        assert saga.script.heard(EvaluateGates)[0].kind is PromotionKind.RELEASE
        assert (await said(saga))[-1] == "promotion.completed"

        saga.script.verdicts_say = {"waivers": (waiver,)}
        trusted = await saga.becomes((await saga.request("2.0")).promotion_id, S.COMPLETED)
        assert (trusted.waivers, trusted.may_be_trusted) == (("wv-1",), True)
        assert (await said(saga))[-2:] == ["promotion.completed", "release.trusted"]
