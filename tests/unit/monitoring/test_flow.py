from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.findings import Finding
from contracts.vocabulary import GateKind, Mode, Outcome, PromotionKind, PromotionState
from services.monitoring.domain.buckets import Entry
from services.monitoring.domain.flow import Journey, Judgement, Move, Step, Waiting, dwelling, judgement, step
from services.monitoring.domain.sketch import cell
from tests.unit.monitoring.delivery_builders import START, day

S = PromotionState
HOUR = 3600


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def finding(rule: str, outcome: Outcome, *, mode: Mode = Mode.BLOCK, **more: object) -> Finding:
    said = {
        "policy": "prod-entry",
        "policy_digest": "sha256:" + "a" * 64,
        "rule": rule,
        "title": rule,
        "gate": GateKind.ENTRY,
        "stage": "prod",
        "mode": mode,
        "outcome": outcome,
        "observed": "",
        "required": "",
    }
    return Finding.model_validate(said | more)


def sums(entries: tuple[Entry, ...]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for entry in entries:
        total.update(entry.counts)
    return {name: count for name, count in total.items() if count}


PENDING = finding("sbom", Outcome.PENDING, awaits="sbom")
SOAKING = finding("soak", Outcome.PENDING, passes_at=day(1))
STEPS = [
    step(S.REQUESTED, hour(0)),
    step(S.CHECKING, hour(1)),
    step(S.CHECKING, hour(2), outcome=Outcome.PENDING, findings=[PENDING]),
    step(S.CHECKING, hour(4), outcome=Outcome.PENDING, findings=[SOAKING]),
    step(S.AWAITING_APPROVAL, hour(7)),
    step(S.AWAITING_APPROVAL, hour(11), frozen=True),
    step(S.APPLYING, hour(16), outcome=Outcome.ALLOW),
    step(S.COMPLETED, hour(22)),
]


def test_each_wait_is_told_from_the_others() -> None:
    counted = sums(Journey(frozenset(STEPS)).entries())
    expected = {"queue": 1, "gates": 1, "evidence": 2, "soak": 3, "approval": 4, "freeze": 5, "applying": 6}
    for on, hours in expected.items():
        assert (counted[f"waited:{on}"], counted[f"wait:{on}:{cell(hours * HOUR)}"]) == (hours * HOUR, 1)
    assert counted["ended:completed"] == 1
    assert counted[f"took:{cell(22 * HOUR)}"] == 1


@pytest.mark.thorough
@given(st.randoms(use_true_random=False), st.lists(st.sampled_from(STEPS), max_size=5))
def test_steps_count_the_same_in_any_order_and_twice(chance: Random, again: list[Step]) -> None:
    heard = [*STEPS, *again]
    chance.shuffle(heard)
    journey = Journey()
    for one in heard:
        journey = Journey(journey.steps | {one})
    assert journey.entries() == Journey(frozenset(STEPS)).entries()


def test_what_is_waited_for_now_is_told_with_its_beginning() -> None:
    assert Journey(frozenset(STEPS)).waits is None
    again = step(S.CHECKING, hour(3), outcome=Outcome.PENDING, findings=[PENDING])
    assert Journey(frozenset([*STEPS[:3], again])).waits == (Waiting.EVIDENCE, hour(2))
    assert Journey().waits is None


def judged(*judgements: Judgement) -> dict[str, int]:
    """What the verdicts of a promotion count once it has ended; nothing before."""
    assert Journey(frozenset(STEPS[:-1]), frozenset(judgements)).entries() == ()
    steps = frozenset(STEPS)
    return dict(
        Counter(sums(Journey(steps, frozenset(judgements)).entries())) - Counter(sums(Journey(steps).entries()))
    )


def test_the_first_verdict_decides_what_passes_at_once() -> None:
    gates = [("qa", "exit"), ("prod", "entry")]
    late = judgement("v2", hour(2), Outcome.ALLOW, gates, [])
    first = judgement("v1", hour(1), Outcome.PENDING, gates, [PENDING, finding("x", Outcome.DENY, mode=Mode.WARN)])
    for known in ((late, first), (first, late)):
        assert judged(*known) == {"judged:qa:exit": 1, "judged:prod:entry": 1, "passed:qa:exit": 1}


def test_reasons_for_denial_count_once_for_each_promotion() -> None:
    stopped = [
        finding("critical", Outcome.DENY),
        finding("signed", Outcome.ERROR),
        finding("waived", Outcome.DENY, waived=("w1",)),
        PENDING,
    ]
    verdicts = [judgement(f"v{number}", hour(number), Outcome.DENY, [], stopped) for number in range(3)]
    assert judged(*verdicts) == {"denied:prod-entry/critical": 1, "denied:prod-entry/signed": 1}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_a_stay_lasts_until_the_version_leaves(order: tuple[int, ...]) -> None:
    moves = [
        Move(hour(0), "p1", PromotionKind.PROMOTE, None, "dev"),
        Move(hour(2), "p2", PromotionKind.PROMOTE, "dev", "qa"),
        Move(hour(3), "p3", PromotionKind.RECERTIFY, "qa", "qa"),
        Move(hour(7), "p4", PromotionKind.RELEASE, "qa", "prod"),
    ]
    counted = sums(dwelling([moves[place] for place in order]))
    assert counted == {f"dwell:dev:{cell(2 * HOUR)}": 1, f"dwell:qa:{cell(5 * HOUR)}": 1}
