"""What promotions wait for: their turn, a freeze, each other; and what begins by itself."""

from collections.abc import Coroutine
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from contracts.answers import Applied
from contracts.evidence.v1.commands import AttestPassage, RecordBrokenGlass, WithdrawPassage
from contracts.gate.v1.events import ReadinessChanged
from contracts.promotion.v1.commands import CancelPromotion, DecideApproval
from contracts.promotion.v1.events import ApprovalDecided, ApprovalWithdrawn, ReleaseTrusted
from contracts.promotion.v1.freezes import ApplyFreeze, BreakGlass, FreezeList, GlassBroken, ListFreezes
from contracts.promotion.v1.trains import RequestTrain, ShowTrain, TrainView
from contracts.promotion.v1.views import PromotionView
from contracts.registry.v1.commands import MoveVersion, MoveVersionsTogether
from contracts.vocabulary import ActorKind, Outcome, Role
from contracts.vocabulary import PromotionState as S
from shared.errors import Conflict, Forbidden, Rejection
from tests.integration.promotion_neighbours import EVIDENCE_SET, Saga, a_finding, a_saga, digest_of, verdict_on
from tests.support.eventually import eventually
from tests.support.facts import facts_on

pytestmark = pytest.mark.servers
AWAITS_TESTS = a_finding(Outcome.PENDING, awaits="tests")
AWAITS_APPROVAL = a_finding(Outcome.PENDING, awaits="approval")


def cancel(view: PromotionView) -> CancelPromotion:
    return CancelPromotion(command_id=f"x-{view.promotion_id}", project="shop", promotion_id=view.promotion_id)


async def code_of(asked: Any, kind: type[Rejection]) -> str:
    with pytest.raises(kind) as refused:
        await asked
    assert refused.value.remedy
    return refused.value.code


async def test_a_stage_is_entered_one_after_the_other_and_a_rollback_goes_first(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        for number in range(3, 6):
            saga.script.stages[f"{number}.0"] = "qa"
        saga.script.entered["0.9"] = ("dev", "qa", "prod")
        saga.script.verdicts = [AWAITS_TESTS]
        holder = await saga.request("1.0")
        queued = []
        for version in ("2.0", "3.0"):
            saga.clock.advance(seconds=1)
            queued.append(await saga.request(version))
        back = await saga.request("0.9", kind="rollback", reason="1.0 fails")
        assert [one.state for one in (*queued, back)] == [S.REQUESTED] * 3
        places = [(await saga.show(one.promotion_id)).queue_position for one in (back, *queued)]
        assert places == [1, 2, 3]
        await saga.asker.ask(cancel(queued[0]), PromotionView, token=saga.token())
        assert (await saga.show(queued[1].promotion_id)).queue_position == 2

        await saga.asker.ask(cancel(holder), PromotionView, token=saga.token())
        for promotion in (back, queued[1]):
            await saga.becomes(promotion.promotion_id, S.COMPLETED)
        assert [tell.version for tell in saga.script.heard(MoveVersion)] == ["0.9", "3.0"]

        # What waits expires, too, and a stage that does not queue refuses.
        saga.script.verdicts = [AWAITS_TESTS]
        await saga.request("4.0")
        late = await saga.request("5.0", patience_seconds=60)
        saga.clock.advance(seconds=61)
        assert (await saga.becomes(late.promotion_id, S.EXPIRED)).history[-1].because == "awaits its turn"
        saga.script.stage_says = {"queue": "refuse"}
        assert await code_of(saga.request("5.0"), Conflict) == "promotion_in_progress"


async def test_both_stages_that_a_demotion_had_are_given_on_at_once(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.stages |= {"1.0": "prod", "2.0": "dev", "3.0": "qa"}
        saga.script.entered["1.0"] = ("dev", "qa", "prod")
        saga.script.verdicts = [AWAITS_TESTS]
        down = await saga.request("1.0", kind="demote", reason="not now")
        assert down.to_stage == "qa"
        queued = [await saga.request(version) for version in ("2.0", "3.0")]
        assert [one.state for one in queued] == [S.REQUESTED] * 2
        saga.script.verdicts = [AWAITS_TESTS] * 2
        await saga.asker.ask(cancel(down), PromotionView, token=saga.token())
        assert [(await saga.show(one.promotion_id)).state for one in queued] == [S.CHECKING] * 2


async def test_a_newer_version_takes_the_place_of_older_ones_where_the_stage_says_so(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.stages |= {f"{number}.0": "qa" for number in range(3, 7)}
        saga.script.stage_says = {"supersede": True, "requesters": (ActorKind.HUMAN,)}
        saga.script.verdicts = [AWAITS_TESTS, AWAITS_TESTS]
        newest = await saga.request("3.0")
        older = await saga.request("2.0")
        assert older.state is S.REQUESTED, "an older version waits for a newer one"
        newer = await saga.request("4.0")
        assert newer.state is S.CHECKING
        await eventually(lambda: saga.show(newer.promotion_id), lambda view: view.outcome is Outcome.PENDING)
        for gone in (newest, older):
            ended = await saga.show(gone.promotion_id)
            assert (ended.state, ended.superseded_by) == (S.CANCELLED, "4.0")
        saga.script.verdicts = []
        bot = saga.token("bot", kind=ActorKind.AGENT)
        assert await code_of(saga.request("5.0", token=bot), Forbidden) == "requester_kind"
        last = await saga.request("6.0")
        await saga.becomes(last.promotion_id, S.COMPLETED)
        assert (await saga.show(newer.promotion_id)).superseded_by == "6.0"


def a_freeze(saga: Saga, lasts: timedelta, name: str = "c-1") -> ApplyFreeze:
    window = {"starts_at": saga.clock(), "ends_at": saga.clock() + lasts}
    return ApplyFreeze(command_id=name, project="shop", freeze="holidays", reason="Nobody is here.", windows=[window])


async def test_a_freeze_holds_back_what_the_gates_allow_until_it_ends_or_is_lifted(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        token = saga.token()
        assert (await saga.asker.ask(a_freeze(saga, timedelta(hours=2)), Applied, token=token)).change == "created"
        asked = await saga.request(patience_seconds=86_400)
        held = await saga.becomes(asked.promotion_id, S.AWAITING_APPROVAL)
        assert (held.frozen_by, held.frozen_until) == ("holidays", saga.clock() + timedelta(hours=2))
        assert saga.script.heard(AttestPassage) == []
        [listed] = (await saga.asker.ask(ListFreezes(project="shop"), FreezeList, token=token)).freezes
        assert listed.active_until == held.frozen_until
        saga.clock.advance(hours=1, minutes=59)
        saga.clock.advance(minutes=1)
        done = await saga.becomes(asked.promotion_id, S.COMPLETED)
        assert (done.attempt, done.frozen_by) == (2, None), "judged again: an hour-old verdict moves nothing"

        # It begins while the passage is being signed, and is lifted by hand.
        assert (
            await saga.asker.ask(a_freeze(saga, timedelta(days=9), "c-2"), Applied, token=token)
        ).change == "updated"
        second = await saga.becomes((await saga.request("2.0")).promotion_id, S.AWAITING_APPROVAL)
        lifted = ApplyFreeze(command_id="c-3", project="shop", freeze="holidays")
        await saga.asker.ask(lifted, Applied, token=token)
        saga.clock.advance(seconds=16)
        await saga.becomes(second.promotion_id, S.COMPLETED)


async def test_two_people_let_a_release_through_a_freeze_and_it_is_not_called_trusted(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        await saga.asker.ask(a_freeze(saga, timedelta(days=2)), Applied, token=saga.token())
        held = await saga.becomes((await saga.request()).promotion_id, S.AWAITING_APPROVAL)

        def glass(by: str, *roles: Role) -> Coroutine[Any, Any, PromotionView]:
            command = BreakGlass(
                command_id=f"g-{by}", project="shop", promotion_id=held.promotion_id, reason="checkout is down"
            )
            return saga.asker.ask(command, PromotionView, token=saga.token(by, *roles))

        assert await code_of(glass("carl", Role.CONTRIBUTOR), Forbidden) == "role_missing"
        once = await glass("ann")
        assert once.broken_glass
        assert (once.state, once.broken_glass.confirmed_by) == (S.AWAITING_APPROVAL, None)
        assert await code_of(glass("Ann"), Forbidden) == "glass_same_person"
        await glass("bob", Role.SECURITY)
        done = await saga.becomes(held.promotion_id, S.COMPLETED)
        assert done.may_be_trusted is False
        assert [tell.trusted for tell in saga.script.heard(MoveVersion)] == [False]
        [asked, confirmed] = await eventually(lambda: _logged(saga), lambda found: len(found) == 2)
        assert [(one.by, one.is_confirmed) for one in (asked, confirmed)] == [("ann", False), ("bob", True)]
        jetstream = (await saga.system.connect("provision")).jetstream()
        broken = await eventually(lambda: facts_on(jetstream, GlassBroken), lambda found: len(found) > 1)
        assert [one.confirmed_by for one in broken] == [None, "bob"]
        assert await facts_on(jetstream, ReleaseTrusted) == []


async def _logged(saga: Saga) -> list[RecordBrokenGlass]:
    return saga.script.heard(RecordBrokenGlass)


def a_train(name: str = "t-1") -> RequestTrain:
    members = [{"application": "cart", "version": "1.0"}, {"application": "web", "version": "2.0"}]
    return RequestTrain(command_id=name, project="shop", members=members)


async def test_a_train_moves_as_one_or_not_at_all(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.verdicts = [a_finding(Outcome.ALLOW), AWAITS_TESTS]
        train = await saga.asker.ask(a_train(), TrainView, token=saga.token())
        assert len(train.promotions) == 2
        assert await code_of(saga.asker.ask(a_train("t-2"), TrainView, token=saga.token()), Conflict) == (
            "promotion_in_progress"
        )
        await eventually(lambda: _states(saga, train), lambda found: found == [S.APPLYING, S.CHECKING])
        assert saga.script.heard(MoveVersionsTogether) == []
        shown = await saga.asker.ask(ShowTrain(project="shop", train_id=train.train_id), TrainView)
        [waiting] = [one for one in shown.promotions if one.state is S.CHECKING]
        [question] = [one for one in saga.script.told if getattr(one, "promotion_id", "") == waiting.promotion_id][:1]
        await saga.says("gate", saga.script.signed(_allowed(saga, question)))
        await eventually(lambda: _states(saga, train), lambda found: found == [S.COMPLETED] * 2)
        [together] = saga.script.heard(MoveVersionsTogether)
        assert {one.version for one in together.moves} == {"1.0", "2.0"}
        assert saga.script.heard(MoveVersion) == []

        # One verdict gets too old: both wait for it and go together. One stands elsewhere: both are taken back.
        saga.script.stages |= {"1.0": "qa", "2.0": "qa"}
        saga.script.refusals = ["verdict_expired"]
        again = await saga.asker.ask(a_train("t-3"), TrainView, token=saga.token())
        await eventually(lambda: _states(saga, again), lambda found: found == [S.COMPLETED] * 2)
        saga.script.stages |= {"1.0": "qa", "2.0": "qa"}
        saga.script.refusals = ["version_elsewhere"]
        broken = await saga.asker.ask(a_train("t-4"), TrainView, token=saga.token())
        await eventually(lambda: _states(saga, broken), lambda found: found == [S.CANCELLED, S.FAILED])
        assert len(saga.script.heard(WithdrawPassage)) == 3, (
            "the passage that got too old, and the two of the last train"
        )
        denied = a_finding(Outcome.DENY)
        saga.script.verdicts = [a_finding(Outcome.ALLOW), denied]
        stopped = await saga.asker.ask(a_train("t-5"), TrainView, token=saga.token())
        await eventually(lambda: _states(saga, stopped), lambda found: found == [S.CANCELLED, S.DENIED])


async def test_a_train_of_many_stops_whole(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.stages |= {f"{number}.0": "qa" for number in range(1, 6)}
        members = [{"application": f"app-{number}", "version": f"{number}.0"} for number in range(1, 6)]
        saga.script.verdicts = [*([AWAITS_TESTS] * 4), a_finding(Outcome.ALLOW)]
        asked = RequestTrain(command_id="t-many", project="shop", members=members)
        train = await saga.asker.ask(asked, TrainView, token=saga.token())
        await eventually(lambda: _states(saga, train), lambda found: found == [S.APPLYING] + [S.CHECKING] * 4)
        shown = await saga.asker.ask(ShowTrain(project="shop", train_id=train.train_id), TrainView)
        waiting = next(one for one in shown.promotions if one.state is S.CHECKING)
        await saga.asker.ask(cancel(waiting), PromotionView, token=saga.token())
        await eventually(lambda: _states(saga, train), lambda found: found == [S.CANCELLED] * 5)
        assert await saga.dead_letters() == []


async def _states(saga: Saga, train: TrainView) -> list[S]:
    shown = await saga.asker.ask(ShowTrain(project="shop", train_id=train.train_id), TrainView)
    return sorted(one.state for one in shown.promotions)


def _allowed(saga: Saga, question: Any) -> Any:
    return verdict_on(question, a_finding(Outcome.ALLOW), saga.clock())


async def test_a_stage_that_says_so_takes_in_what_is_ready(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        ready = ReadinessChanged(
            project="shop",
            application="cart",
            version="1.0",
            version_digest=digest_of("1.0"),
            from_stage="qa",
            to_stage="prod",
            outcome=Outcome.PENDING,
            findings=(AWAITS_APPROVAL,),
            at=saga.clock(),
        )
        await saga.says("gate", ready)
        saga.script.stage_says = {"automatic": True}
        await saga.says("gate", ready.model_copy(update={"findings": (AWAITS_TESTS,)}))
        await saga.says("gate", ready.model_copy(update={"from_stage": "dev", "to_stage": "qa"}))
        await saga.says("gate", ready)
        await saga.says("gate", ready)
        found = await eventually(saga.promotions, lambda found: [one.state for one in found] == [S.COMPLETED])
        assert [(one.requested_by, one.requested_by_kind) for one in found] == [("promotion", ActorKind.SERVICE)]


async def test_answers_are_shown_and_withdrawn_when_the_evidence_changes_and_late_facts_are_kept(
    tmp_path: Path,
) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.verdicts = [AWAITS_APPROVAL]
        waiting = await saga.becomes((await saga.request()).promotion_id, S.AWAITING_APPROVAL)
        answer = DecideApproval(
            command_id="a-1", project="shop", promotion_id=waiting.promotion_id, decision="approved", reason="seen"
        )
        bob = saga.token("bob", Role.APPROVER)
        [given] = (await saga.asker.ask(answer, PromotionView, token=bob)).approvals
        assert (given.approver, given.evidence_set, given.counts) == ("bob", EVIDENCE_SET, True)
        [question] = [one for one in saga.script.told if getattr(one, "passages", None)]
        other = digest_of("other evidence")
        saga.clock.advance(seconds=5)
        await saga.rules(question, Outcome.PENDING, evidence_set=other)  # type: ignore[arg-type]
        shown = await eventually(lambda: saga.show(waiting.promotion_id), lambda view: not view.approvals[0].counts)
        assert shown.state is S.CHECKING
        jetstream = (await saga.system.connect("provision")).jetstream()
        kind: type[ApprovalDecided | ApprovalWithdrawn]
        for kind in (ApprovalDecided, ApprovalWithdrawn):
            said = await eventually(partial(facts_on, jetstream, kind))
            assert [one.approver for one in said] == ["bob"]

        for attempt in (1, 7):
            foreign = question.model_copy(update={"attempt": attempt, "version_digest": other})
            await saga.rules(foreign, Outcome.ALLOW)  # type: ignore[arg-type]
        kept = await eventually(lambda: saga.show(waiting.promotion_id), lambda view: len(view.ignored) == 2)
        assert {(one.fact, one.why) for one in kept.ignored} == {("VerdictGiven", "it is about another version")}
        assert kept.state is S.CHECKING
