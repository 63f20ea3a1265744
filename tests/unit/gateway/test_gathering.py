"""A bundle holds the very event that was logged about a promotion's end, made again from what people are shown."""

from typing import Any

import pytest

from contracts.evidence.v1.views import Attestation
from contracts.registry.v1.views import StageMove, StageView, VersionView
from contracts.vocabulary import Criticality, Outcome, PromotionState, ReleaseStatus
from deploy.examples import example_of
from services.evidence.domain.passage import PASSAGE_TYPE
from services.gateway.gathering import _ended_as, _proves
from services.gateway.http.badges import _waivers
from services.promotion import wire
from services.promotion.domain.facts import Cancelled, DeadlinePassed
from shared.digests import sha256_digest
from shared.trust.statement import WITHDRAWAL_TYPE
from tests.unit.promotion.promotion_builders import (
    ALLOW,
    AWAITS_TESTS,
    DEADLINE,
    NOW,
    a_finding,
    a_promotion,
    a_verdict,
    advance,
    attested,
    moved,
)

WAIVED = a_finding(Outcome.DENY, title="Waived", waived=("wv-1",))
ENDS: dict[str, tuple[Any, ...]] = {
    "trusted": (ALLOW, attested(), moved()),
    "released on waivers": (
        a_verdict(Outcome.ALLOW, WAIVED, waivers=("wv-1",), may_be_trusted=False),
        attested(),
        moved(),
    ),
    "denied beside a waiver": (a_verdict(Outcome.DENY, WAIVED, a_finding(Outcome.DENY), waivers=("wv-1",)),),
    "expired": (AWAITS_TESTS, DeadlinePassed()),
    "cancelled before a verdict": (Cancelled("ann", "not today"),),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_a_bundle_says_of_an_end_is_what_was_announced(end: str) -> None:
    before = after = a_promotion()
    for fact in ENDS[end]:
        before, after = after, advance(after, fact, DEADLINE)
    announced = wire.said(before, after, DEADLINE)[0]
    assert _ended_as(wire.promotion_view(after)) == announced


def test_an_open_promotion_has_no_end() -> None:
    assert _ended_as(wire.promotion_view(a_promotion())) is None


@pytest.mark.parametrize(
    ("state", "summary", "withdrawn", "withdrawal"),
    [
        (PromotionState.COMPLETED, True, True, True),
        (PromotionState.FAILED, False, True, True),
        (PromotionState.CANCELLED, False, True, True),
    ],
)
def test_a_bundle_holds_what_is_behind_moves_and_what_was_taken_back(
    state: PromotionState, summary: bool, withdrawn: bool, withdrawal: bool
) -> None:
    vsa = example_of(Attestation).model_copy(update={"predicate_type": PASSAGE_TYPE, "withdrawn": False})
    said = [vsa, vsa.model_copy(update={"withdrawn": True}), vsa.model_copy(update={"predicate_type": WITHDRAWAL_TYPE})]
    assert [_proves(state, one) for one in said] == [summary, withdrawn, withdrawal]


def moved_to(stage: str, *waivers: str) -> StageMove:
    return example_of(StageMove).model_copy(update={"to_stage": stage, "waivers": waivers, "at": NOW})


@pytest.mark.parametrize(
    ("moves", "count"),
    [
        ((), 0),
        ((moved_to("qa", "wv-1"),), 0),
        ((moved_to("qa", "wv-1"), moved_to("prod", "wv-2", "wv-3")), 2),
        ((moved_to("prod", "wv-1"), moved_to("prod"), moved_to("qa", "wv-1")), 0),
    ],
)
def test_a_badge_counts_the_waivers_of_the_newest_release(moves: tuple[StageMove, ...], count: int) -> None:
    stages = tuple(StageView(name=name, title="", release=name == "prod") for name in ("qa", "prod"))
    version = VersionView(
        project="shop",
        application="web",
        version="1.0",
        digest=sha256_digest(b"1.0"),
        artifacts=(),
        created_at=NOW,
        created_by="ci",
        release_status=ReleaseStatus.RELEASED,
        lifecycle=stages,
        history=moves,
        criticality=Criticality.LOW,
    )
    assert _waivers(version) == count
