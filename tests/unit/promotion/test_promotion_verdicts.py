"""What a verdict says beyond allow and deny, and verdicts that are not for this promotion (abuse cases 39 and 40)."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.gate.v1.commands import EvaluateGates
from contracts.gate.v1.events import VerdictIssued
from contracts.promotion.v1.events import PromotionCompleted, PromotionEnded, ReleaseTrusted
from contracts.registry.v1.commands import MoveVersion
from contracts.vocabulary import GateKind, Mode, Outcome, PromotionKind, PromotionState
from services.promotion import wire, wire_tells
from services.promotion.domain.facts import DeadlinePassed
from services.promotion.domain.passages import Gate, Route
from services.promotion.domain.promotion import Doing, Promotion
from services.promotion.domain.saga import MAX_STALE
from shared.digests import sha256_digest
from tests.support.builders import a_message
from tests.unit.promotion.promotion_builders import (
    AGAIN,
    ALLOW,
    ATTESTING,
    AWAITING,
    CHECKING,
    DEADLINE,
    NOW,
    OTHER_DIGEST,
    a_finding,
    a_promotion,
    a_verdict,
    advance,
    after,
    attested,
    moved,
    place_of,
)

S = PromotionState
ON_WAIVERS = a_verdict(Outcome.ALLOW, waivers=("wv-1", "wv-2"), may_be_trusted=False)
APPROVAL = a_finding(Outcome.PENDING, awaits="approval")


def done(verdict: Any, **fields: Any) -> tuple[Promotion, Promotion]:
    """The step that ends a promotion on this verdict."""
    before = a_promotion(**fields)
    for fact in (verdict, attested()):
        before = advance(before, fact, NOW)
    return before, advance(before, moved(), NOW)


def test_a_waived_finding_is_not_open_and_awaits_nothing() -> None:
    waived = a_finding(Outcome.PENDING, awaits="tests", waived=("wv-1",))
    waiting = after(a_verdict(Outcome.PENDING, APPROVAL, waived))
    assert waiting.state is S.AWAITING_APPROVAL
    assert waiting.history[-1].because == "awaits approval"
    waived_too = a_finding(Outcome.DENY, waived=("wv-2",))
    assert waiting.verdict is not None
    assert waiting.verdict.open_findings == (APPROVAL,)
    denied = after(a_verdict(Outcome.DENY, waived_too, a_finding(Outcome.DENY, title="The other rule")))
    assert denied.history[-1].because == "The other rule: what was there"
    [ended] = wire.said(CHECKING, denied, NOW)
    assert isinstance(ended, PromotionEnded)
    assert [finding.title for finding in ended.findings] == ["The other rule"]


def test_only_what_blocks_is_awaited() -> None:
    shown = a_finding(Outcome.PENDING, awaits="sbom", mode=Mode.WARN)
    assert after(a_verdict(Outcome.PENDING, APPROVAL, shown)).history[-1].because == "awaits approval"


def test_what_time_alone_lets_pass_is_no_matter_of_approval_and_is_said() -> None:
    soak = a_finding(Outcome.PENDING, passes_at=NOW + timedelta(hours=2))
    waiting = after(a_verdict(Outcome.PENDING, APPROVAL, soak))
    assert waiting.state is S.CHECKING
    assert waiting.history[-1].because == "awaits approval, the time 2026-01-02T05:04:05.000000Z"
    assert advance(waiting, DeadlinePassed(), DEADLINE).history[-1].because == waiting.history[-1].because


def test_the_gates_are_told_what_kind_of_promotion_it_is() -> None:
    told = wire_tells.told(a_promotion(kind=PromotionKind.ROLLBACK))
    assert isinstance(told, EvaluateGates)
    assert told.kind is PromotionKind.ROLLBACK


@pytest.mark.parametrize(("verdict", "trusted"), [(ALLOW, True), (ON_WAIVERS, False)])
def test_trust_and_waivers_go_to_everybody_who_acts_on_a_verdict(verdict: Any, trusted: bool) -> None:
    before, then = done(verdict)
    waivers = verdict.verdict.waivers
    attest, move = wire_tells.told(after(verdict)), wire_tells.told(before)
    assert isinstance(move, MoveVersion)
    assert (attest.trusted, attest.waivers) == (move.trusted, move.waivers) == (trusted, waivers)  # type: ignore[union-attr]
    said = wire.said(before, then, NOW)
    completed = said[0]
    assert isinstance(completed, PromotionCompleted)
    assert (completed.trusted, completed.waivers) == (trusted, waivers)
    assert [type(one) for one in said[1:]] == ([ReleaseTrusted] if trusted else [])
    view = wire.promotion_view(then)
    assert (view.may_be_trusted, view.waivers) == (trusted, waivers)


def test_a_trusted_release_says_the_waivers_that_its_verdict_needed() -> None:
    _, trusted = wire.said(*done(a_verdict(Outcome.ALLOW, waivers=("wv-1",))), NOW)
    assert isinstance(trusted, ReleaseTrusted)
    assert trusted.waivers == ("wv-1",)


def test_no_trust_is_said_of_a_move_that_is_no_release() -> None:
    gates = (Gate(stage="prod", gate=GateKind.ENTRY, open=False),)
    route = Route(from_stage="dev", to_stage="qa", release=False, gates=gates)
    assert [type(one) for one in wire.said(*done(ALLOW, route=route), NOW)] == [PromotionCompleted]


def test_a_promotion_without_a_verdict_shows_none() -> None:
    view = wire.promotion_view(CHECKING)
    assert (view.waivers, view.may_be_trusted, view.outcome) == ((), True, None)


def test_waivers_of_a_verdict_are_read_sorted_by_their_ids() -> None:
    digest = sha256_digest(b"waiver")
    used = [{"waiver_id": name, "digest": digest} for name in ("wv-2", "wv-1")]
    verdict = wire.verdict_given(a_message(VerdictIssued, waivers=used, may_be_trusted=False), None).verdict
    assert (verdict.waivers, verdict.may_be_trusted) == (("wv-1", "wv-2"), False)


@pytest.mark.parametrize("place", [CHECKING, AWAITING, AGAIN])
def test_a_verdict_on_another_digest_is_ignored(place: Promotion) -> None:
    foreign = a_verdict(Outcome.ALLOW, attempt=place.attempt, digest=OTHER_DIGEST)
    assert advance(place, foreign, NOW) is place


@pytest.mark.parametrize("attempt", [1, 3])
def test_a_verdict_of_another_attempt_is_ignored(attempt: int) -> None:
    assert advance(AGAIN, a_verdict(Outcome.ALLOW, attempt=attempt), NOW) is AGAIN


def test_a_duplicated_verdict_is_ignored() -> None:
    assert advance(ATTESTING, ALLOW, NOW) is ATTESTING
    waiting = after(a_verdict(Outcome.PENDING, APPROVAL, name="vd-1"))
    assert advance(waiting, a_verdict(Outcome.ALLOW, name="vd-1"), NOW) is waiting, "an id is one verdict"


def test_a_late_verdict_is_ignored() -> None:
    late = a_verdict(Outcome.DENY, name="vd-late")
    for place in (ATTESTING, after(ALLOW, attested()), after(ALLOW, attested(), moved())):
        assert advance(place, late, NOW) is place


def test_an_allowance_that_has_expired_moves_nothing_and_is_asked_for_again() -> None:
    expired = a_verdict(Outcome.ALLOW, expires_at=NOW)
    again = advance(CHECKING, expired, NOW + timedelta(microseconds=1))
    assert place_of(again) == (S.CHECKING, Doing.EVALUATE, 2)
    assert again.positions == CHECKING.positions
    assert again.history[-1].because == "judged again, since the verdict was good until 2026-01-02T03:04:05.000000Z"
    assert place_of(advance(CHECKING, expired, NOW)) == (S.APPLYING, Doing.ATTEST, 1), "its last moment counts"


def test_several_reasons_are_told_as_one_sentence_each() -> None:
    denied = after(
        a_verdict(Outcome.DENY, *(a_finding(Outcome.DENY, observed=said) for said in ("1 high.", "no tests.")))
    )
    assert denied.history[-1].because == "A rule: 1 high; A rule: no tests"


def test_allowances_that_expire_every_time_end_it() -> None:
    promotion = CHECKING
    for attempt in range(1, MAX_STALE + 2):
        promotion = advance(promotion, a_verdict(Outcome.ALLOW, attempt=attempt, expires_at=NOW), DEADLINE)
    assert place_of(promotion) == (S.FAILED, None, MAX_STALE + 1)
