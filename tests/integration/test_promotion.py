"""The promotion saga on a real NATS and a real MongoDB, from request to end, among scripted neighbours."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from contracts.evidence.v1.commands import AttestPassage, RecordApproval
from contracts.evidence.v1.events import PassageAttested
from contracts.gate.v1.commands import EvaluateGates
from contracts.gate.v1.events import VerdictIssued
from contracts.headers import Meta
from contracts.message import Message
from contracts.promotion.v1.commands import CancelPromotion, DecideApproval
from contracts.promotion.v1.queries import ListApprovals, ListPromotions, ShowPromotion, ShowReadiness
from contracts.promotion.v1.views import ApprovalPage, PromotionPage, PromotionView, Readiness
from contracts.registry.v1.commands import MoveVersion
from contracts.registry.v1.events import MoveRefused, VersionMoved
from contracts.vocabulary import ActorKind, GateKind, Outcome, PromotionKind, PromotionState, Role, SourceCommit
from services.promotion.app import SERVICE
from shared.digests import sha256_digest
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.messaging.inbox import AlreadyHandledError
from tests.integration.promotion_neighbours import (
    EVIDENCE_SET,
    PASSAGE,
    Saga,
    a_finding,
    a_saga,
    digest_of,
)
from tests.integration.test_messaging import facts
from tests.support.builders import a_message
from tests.support.eventually import eventually

pytestmark = pytest.mark.servers
S = PromotionState


async def said(saga: Saga) -> list[str]:
    """The types of everything this service announced, in order."""
    await saga.run.relay.idle.wait()
    types = [str(fact["headers"]["ce-type"]) for fact in await facts(saga.system)]  # type: ignore[index]
    return [".".join(one.split(".")[3:5]) for one in types if one.startswith("hallmark.evt.promotion.")]


def decide(promotion: PromotionView, command_id: str, decision: str = "approved") -> DecideApproval:
    return DecideApproval.model_validate(
        {
            "command_id": command_id,
            "project": "shop",
            "promotion_id": promotion.promotion_id,
            "decision": decision,
        }
    )


def cancel(promotion: PromotionView, command_id: str) -> CancelPromotion:
    return CancelPromotion(command_id=command_id, project="shop", promotion_id=promotion.promotion_id)


async def refusal(asked: Any, error: type[Exception]) -> str:
    with pytest.raises(error) as refused:
        await asked
    return str(getattr(refused.value, "code", ""))


async def test_a_release_goes_through_every_step_and_trust_is_said_last(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        first = await saga.request(command_id="release-1", reason="the fix")
        assert (first.state, first.attempt, first.from_stage, first.to_stage) == (S.CHECKING, 1, "qa", "prod")
        done = await saga.becomes(first.promotion_id, S.COMPLETED)

        [evaluate, attest, move] = saga.script.told
        assert isinstance(evaluate, EvaluateGates)
        assert [(one.stage, one.gate) for one in evaluate.passages] == [
            ("qa", GateKind.EXIT),
            ("prod", GateKind.ENTRY),
            ("prod", GateKind.RELEASE),
        ]
        assert evaluate.positions[digest_of("1.0")] == 3
        assert len(evaluate.positions) == 2
        assert isinstance(attest, AttestPassage)
        assert attest.release
        assert isinstance(move, MoveVersion)
        assert (move.passage_digest, move.verdict_id, move.from_stage) == (PASSAGE, attest.verdict_id, "qa")
        assert move.requested_by == "rita"
        assert (done.passage_digest, done.log_index, done.outcome) == (PASSAGE, 7, Outcome.ALLOW)
        assert [step.state for step in done.history] == [
            S.REQUESTED,
            S.CHECKING,
            S.APPLYING,
            S.APPLYING,
            S.COMPLETED,
        ]
        assert await said(saga) == [
            "promotion.requested",
            *["promotion.advanced"] * 3,
            "promotion.completed",
            "release.trusted",
        ]
        # The version has moved, so that only the first answer can tell the caller what became of the request.
        assert await saga.request(command_id="release-1", reason="the fix") == first
        assert await refusal(saga.request(), Conflict) == "promotion_nowhere_to_go"
        saga.script.stages["2.0"] = None
        second = await saga.request("2.0")
        await saga.becomes(second.promotion_id, S.COMPLETED)
        assert (await said(saga))[-1] == "promotion.completed"  # No release, no trust.


async def test_a_denial_says_why_and_frees_the_way(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.verdicts = [a_finding(Outcome.DENY), a_finding(Outcome.ERROR)]
        denied = await saga.becomes((await saga.request()).promotion_id, S.DENIED)
        assert [finding.remedy for finding in denied.findings] == ["Do this next."]
        assert denied.history[-1].because == "A rule: what was there"
        await saga.becomes((await saga.request()).promotion_id, S.DENIED)
        done = await saga.becomes((await saga.request()).promotion_id, S.COMPLETED)

        everything = ListPromotions(project="shop", application="cart", version="1.0")
        page = await saga.asker.ask(everything.model_copy(update={"limit": 2}), PromotionPage)
        rest = await saga.asker.ask(everything.model_copy(update={"after": page.next}), PromotionPage)
        ids = {one.promotion_id for one in (*page.promotions, *rest.promotions)}
        assert (len(page.promotions), len(rest.promotions), len(ids), rest.next) == (2, 1, 3, None)
        none = await saga.asker.ask(ListPromotions(project="shop", version="7"), PromotionPage)
        assert none.promotions == ()
        elsewhere = ShowPromotion(project="bank", promotion_id=done.promotion_id)
        assert await refusal(saga.asker.ask(elsewhere, PromotionView), NotFound) == "promotion_unknown"
        stranger = saga.system.token("eve", Role.ADMIN, project="bank")
        for query in (everything, ShowPromotion(project="shop", promotion_id=done.promotion_id)):
            assert await refusal(saga.asker.ask_raw(query, token=stranger), Forbidden) == "role_missing"


async def test_an_approval_is_bound_to_the_evidence_and_moves_it_on_with_the_next_verdict(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.verdicts = [a_finding(Outcome.PENDING, awaits="approval")]
        saga.script.source = SourceCommit(repository="r", commit="0123abc", author="wanda", committer="carl")
        waiting = await saga.becomes((await saga.request()).promotion_id, S.AWAITING_APPROVAL)
        no = [
            ("role_missing", saga.token("adam", Role.ADMIN, Role.RELEASE_MANAGER)),
            # Another token of the one who asked is the same person.
            ("approval_own_request", saga.token("rita", Role.APPROVER)),
            ("approval_own_version", saga.token("ci", Role.APPROVER)),
            ("approval_own_version", saga.token("wanda", Role.APPROVER)),
            ("approval_own_version", saga.token("carl", Role.APPROVER, Role.ADMIN)),
            ("approval_not_human", saga.token("bot", Role.APPROVER, kind=ActorKind.AGENT)),
            ("approval_not_human", saga.token("pipe", Role.APPROVER, kind=ActorKind.PIPELINE)),
        ]
        for number, (code, token) in enumerate(no):
            asked = saga.asker.ask(decide(waiting, f"no-{number}"), PromotionView, token=token)
            assert await refusal(asked, Forbidden) == code
        assert not saga.script.heard(RecordApproval)

        bob = saga.token("bob", Role.APPROVER)
        # Administrators do not answer, nobody does for themselves, and approvers elsewhere see nothing of it.
        elsewhere = saga.system.token("eve", Role.APPROVER, project="bank")
        rita = saga.token("rita", Role.APPROVER)
        for token, ids in (
            (bob, [waiting.promotion_id]),
            (rita, []),
            (saga.token("adam", Role.ADMIN), []),
            (elsewhere, []),
        ):
            inbox = await saga.asker.ask(ListApprovals(), ApprovalPage, token=token)
            assert [one.promotion_id for one in inbox.promotions] == ids
        seen = decide(waiting, "unseen").model_copy(update={"evidence_set": sha256_digest(b"other")})
        unseen = saga.asker.ask(seen, PromotionView, token=bob)
        assert await refusal(unseen, Conflict) == "approval_evidence_changed"
        answer = await saga.asker.ask(decide(waiting, "yes"), PromotionView, token=bob)
        assert answer.state is S.AWAITING_APPROVAL
        assert await saga.asker.ask(decide(waiting, "yes"), PromotionView, token=bob) == answer
        [recorded] = await eventually(lambda: _told(saga, RecordApproval))
        assert (recorded.approver, recorded.approver_kind, recorded.role) == ("bob", ActorKind.HUMAN, Role.APPROVER)
        assert (recorded.evidence_set, recorded.stage, recorded.decision) == (EVIDENCE_SET, "prod", "approved")
        [question] = saga.script.heard(EvaluateGates)
        await saga.rules(question, Outcome.ALLOW)
        await saga.becomes(waiting.promotion_id, S.COMPLETED)
        assert (await saga.asker.ask(ListApprovals(), ApprovalPage, token=bob)).promotions == ()
        late = saga.asker.ask(decide(waiting, "late"), PromotionView, token=bob)
        assert await refusal(late, Conflict) == "approval_not_awaited"


async def test_two_tokens_of_the_same_subject_are_one_approver(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.verdicts = [a_finding(Outcome.PENDING, awaits="approval")]
        waiting = await saga.becomes((await saga.request()).promotion_id, S.AWAITING_APPROVAL)
        tokens = [saga.token("bob", Role.APPROVER), saga.token("bob", Role.APPROVER, Role.VIEWER)]
        assert len(set(tokens)) == 2
        for number, token in enumerate(tokens):
            await saga.asker.ask(decide(waiting, f"yes-{number}"), PromotionView, token=token)
        recorded = await eventually(lambda: _told(saga, RecordApproval), lambda told: len(told) == 2)
        assert {(one.approver, one.approver_kind) for one in recorded} == {("bob", ActorKind.HUMAN)}
        # A command belongs to a subject, not to a token.
        again = await saga.asker.ask(decide(waiting, "yes-0"), PromotionView, token=tokens[1])
        assert again.state is S.AWAITING_APPROVAL
        await saga.run.relay.idle.wait()
        assert len(saga.script.heard(RecordApproval)) == 2


async def _told(saga: Saga, kind: Any) -> list[Any]:
    return saga.script.heard(kind)


async def test_what_changed_on_the_way_is_judged_again_and_never_moved(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.confirmations = ["the evidence has changed"]
        saga.script.refusals = ["verdict_expired"]
        saga.script.verdicts = [a_finding(Outcome.ALLOW)]
        asked = await saga.request()
        saga.script.recorded = 9
        done = await saga.becomes(asked.promotion_id, S.COMPLETED)
        # Once for the request, once for the stale verdict, once for the refused move.
        assert done.attempt == 3
        assert [tell.attempt for tell in saga.script.heard(EvaluateGates)] == [1, 2, 3]
        assert set(saga.script.heard(EvaluateGates)[1].positions.values()) == {9}
        assert [tell.attempt for tell in saga.script.heard(MoveVersion)] == [2, 3]
        assert all(len(query.positions) == 2 for query in saga.script.confirmed), "what is on record goes along"
        assert set(saga.script.confirmed[-1].positions.values()) == {9}

        saga.script.refusals = ["version_elsewhere"]
        failed = await saga.becomes((await saga.request("2.0")).promotion_id, S.FAILED)
        assert failed.history[-1].because == "it is not so any more; the passage is withdrawn in the log at 8"
        saga.script.confirmations = ["again"] * 5
        given_up = await saga.becomes((await saga.request("2.0")).promotion_id, S.FAILED)
        assert given_up.attempt == 5
        assert (await said(saga))[-1] == "promotion.ended"


async def test_of_two_at_once_one_wins_and_cancelling_frees_the_way(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        await saga.system.start(SERVICE, instance="two")
        saga.script.verdicts = [a_finding(Outcome.PENDING, awaits="tests")] * 20
        # Two versions into one stage, each asked for several times: one goes, one waits, the others are refused.
        answers = await asyncio.gather(*(saga.request(f"{n % 2 + 1}.0") for n in range(6)), return_exceptions=True)
        lost = [one for one in answers if isinstance(one, Conflict)]
        opened = [one for one in answers if isinstance(one, PromotionView)]
        assert {one.code for one in lost} == {"promotion_in_progress"}
        assert (len(lost), {one.version for one in opened}) == (4, {"1.0", "2.0"})
        [won] = [one for one in opened if one.state is S.CHECKING]
        [queued] = [one for one in opened if one.state is S.REQUESTED]
        assert queued.queue_position == 1
        assert (await saga.asker.ask(cancel(queued, "c0"), PromotionView, token=saga.token("max"))).state is S.CANCELLED

        carl = saga.token("carl", Role.CONTRIBUTOR)
        assert await refusal(saga.asker.ask(cancel(won, "c1"), PromotionView, token=carl), Forbidden) == "role_missing"
        gone = await saga.asker.ask(cancel(won, "c1"), PromotionView, token=saga.token("max"))
        assert gone.state is S.CANCELLED
        again = saga.asker.ask(cancel(won, "c2"), PromotionView, token=saga.token("max"))
        assert await refusal(again, Conflict) == "promotion_ended"
        same = await asyncio.gather(*(saga.request(command_id="same") for _ in range(5)))
        assert len({one.promotion_id for one in same}) == 1

        assert await refusal(saga.request("2.0", token=carl), Forbidden) == "role_missing"
        saga.script.stages["3.0"] = None
        mine = await saga.request("3.0", token=carl)
        assert (await saga.asker.ask(cancel(mine, "c3"), PromotionView, token=carl)).state is S.CANCELLED
        assert await refusal(saga.request("3.0", token=carl, to_stage="prod"), Conflict) == "promotion_skips_stage"
        await saga.run.relay.idle.wait()


async def test_waiting_has_an_end_and_what_died_is_told_again(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.verdicts = [None]
        asked = await saga.request(patience_seconds=3600)
        await eventually(lambda: _told(saga, EvaluateGates))
        assert (await saga.show(asked.promotion_id)).state is S.CHECKING
        saga.clock.advance(seconds=31)
        await saga.becomes(asked.promotion_id, S.COMPLETED)
        assert [tell.attempt for tell in saga.script.heard(EvaluateGates)] == [1, 1]

        saga.script.verdicts = [a_finding(Outcome.PENDING, awaits="tests")]
        asked = await saga.request("2.0", patience_seconds=60)
        waiting = await eventually(lambda: saga.show(asked.promotion_id), lambda view: view.outcome is Outcome.PENDING)
        assert waiting.state is S.CHECKING
        saga.clock.advance(seconds=61)
        expired = await saga.becomes(asked.promotion_id, S.EXPIRED)
        assert expired.history[-1].because == "awaits tests"
        [question] = [tell for tell in saga.script.heard(EvaluateGates) if tell.version == "2.0"]
        await saga.rules(question, Outcome.ALLOW)
        await saga.becomes((await saga.request("2.0")).promotion_id, S.COMPLETED)
        assert (await saga.show(asked.promotion_id)).state is S.EXPIRED


async def test_a_rollback_needs_a_reason_a_past_and_a_release_manager(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        back: dict[str, Any] = {"kind": PromotionKind.ROLLBACK, "reason": "2.0 fails", "to_stage": "prod"}
        assert await refusal(saga.request(**back | {"reason": " "}), Invalid) == "rollback_unexplained"
        assert await refusal(saga.request(**back), Conflict) == "rollback_to_stranger"
        saga.script.entered["1.0"] = ("dev", "qa", "prod")
        carl = saga.token("carl", Role.CONTRIBUTOR)
        assert await refusal(saga.request(token=carl, **back), Forbidden) == "role_missing"
        done = await saga.becomes((await saga.request(**back)).promotion_id, S.COMPLETED)
        assert (done.kind, done.release, done.reason) == (PromotionKind.ROLLBACK, True, "2.0 fails")
        assert saga.script.heard(MoveVersion)[0].kind is PromotionKind.ROLLBACK

        saga.script.stages["1.0"], saga.script.entered["1.0"] = "qa", ("dev", "qa")
        query = ShowReadiness(project="shop", application="cart", version="1.0")
        ready = await saga.asker.ask(query, Readiness, token=saga.token("bob", Role.VIEWER))
        assert (ready.from_stage, ready.to_stage, ready.outcome) == ("qa", "prod", Outcome.PENDING)
        assert ready.findings[0].awaits == "bob: 3 gates"
        saga.script.stages["1.0"], saga.script.entered["1.0"] = "prod", ("dev", "qa", "prod")
        ready = await saga.asker.ask(query, Readiness)
        assert (ready.from_stage, ready.to_stage, ready.outcome) == ("prod", None, None)


async def test_every_fact_is_handled_once_and_foreign_ones_change_nothing(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.verdicts = [None]
        asked = await saga.request()
        await eventually(lambda: _told(saga, EvaluateGates))
        foreign = {"project": "shop", "application": "cart", "version": "1.0"}
        here = foreign | {"promotion_id": asked.promotion_id}
        heard: list[Message] = [
            a_message(kind, **where, **more)
            for where in (foreign, here)
            for kind, more in (
                (VerdictIssued, {"attempt": 4}),
                (PassageAttested, {}),
                (VersionMoved, {}),
                (MoveRefused, {}),
            )
        ]
        heard = [saga.script.signed(fact) if isinstance(fact, VerdictIssued) else fact for fact in heard]
        for number, fact in enumerate(heard):
            meta = Meta(message_id=f"f-{number}", correlation_id="f", source="/test", time=saga.clock())
            await saga.run.dispatcher.dispatch(SERVICE.handlers.heard[type(fact)], fact, meta, None)
            with pytest.raises(AlreadyHandledError):
                await saga.run.dispatcher.dispatch(SERVICE.handlers.heard[type(fact)], fact, meta, None)
        assert (await saga.show(asked.promotion_id)).history == asked.history
