"""Two people let a promotion through a freeze (abuse case 48)."""

from datetime import timedelta

import pytest

from contracts.evidence.v1.commands import AttestPassage
from contracts.promotion.v1.events import PromotionCompleted
from contracts.registry.v1.commands import MoveVersion
from contracts.vocabulary import Actor, ActorKind, Outcome
from services.promotion import wire, wire_tells
from services.promotion.domain.breaking_glass import GOOD_FOR, break_glass
from services.promotion.domain.facts import Thawed
from services.promotion.domain.promotion import Glass, Promotion
from shared.errors import Conflict, Forbidden, Rejection
from tests.unit.promotion.promotion_builders import (
    CHECKING,
    FROZEN,
    NOW,
    QUEUED,
    a_verdict,
    advance,
    attested,
    moved,
)

REASON = "checkout fails for everybody"


def person(subject: str, kind: ActorKind = ActorKind.HUMAN) -> Actor:
    return Actor(subject=subject, kind=kind)


def asked() -> Promotion:
    return FROZEN.model_copy(update={"glass": break_glass(FROZEN, person("ann"), REASON, NOW)})


def test_48_it_takes_two_people() -> None:
    once = asked()
    assert once.glass == Glass(asked_by="ann", reason=REASON, asked_at=NOW, until=NOW + timedelta(hours=4))
    assert not once.glass.is_broken(NOW)
    later = NOW + timedelta(hours=1)
    twice = break_glass(once, person("bob"), "seen it, go", later)
    assert (twice.confirmed_by, twice.until) == ("bob", later + GOOD_FOR)
    assert REASON in twice.reason
    assert "seen it, go" in twice.reason
    assert twice.is_broken(later)
    assert not twice.is_broken(twice.until)


@pytest.mark.parametrize("subject", ["ann", "Ann", " ANN "])
def test_48_one_person_is_one_person_however_spelt(subject: str) -> None:
    with pytest.raises(Forbidden) as refused:
        break_glass(asked(), person(subject), REASON, NOW)
    assert refused.value.code == "glass_same_person"


@pytest.mark.parametrize("kind", [kind for kind in ActorKind if kind is not ActorKind.HUMAN])
def test_48_only_people_do_it(kind: ActorKind) -> None:
    with pytest.raises(Forbidden) as refused:
        break_glass(FROZEN, person("bot", kind), REASON, NOW)
    assert refused.value.code == "glass_not_human"


@pytest.mark.parametrize("promotion", [QUEUED, CHECKING])
def test_there_is_no_glass_where_no_freeze_is(promotion: Promotion) -> None:
    with pytest.raises(Conflict) as refused:
        break_glass(promotion, person("ann"), REASON, NOW)
    assert refused.value.code == "glass_not_needed"


def test_an_asking_that_nobody_confirmed_in_four_hours_begins_anew() -> None:
    late = NOW + GOOD_FOR
    again = break_glass(asked(), person("bob"), REASON, late)
    assert (again.asked_by, again.confirmed_by) == ("bob", None)


def test_what_is_broken_is_broken() -> None:
    broken = asked().model_copy(update={"glass": break_glass(asked(), person("bob"), REASON, NOW)})
    with pytest.raises(Conflict) as refused:
        break_glass(broken, person("cleo"), REASON, NOW)
    assert refused.value.code == "glass_broken"


def test_48_a_release_through_broken_glass_is_not_called_trusted() -> None:
    broken = asked().model_copy(update={"glass": break_glass(asked(), person("bob"), REASON, NOW)})
    going = advance(broken, Thawed(None), NOW)
    going = advance(going, a_verdict(Outcome.ALLOW, attempt=2), NOW)
    attest = wire_tells.told(going)
    assert isinstance(attest, AttestPassage)
    assert attest.trusted is False
    moving = advance(going, attested(2), NOW)
    move = wire_tells.told(moving)
    assert isinstance(move, MoveVersion)
    assert move.trusted is False
    done = advance(moving, moved(2), NOW)
    said = wire.said(moving, done, NOW)
    assert [type(one) for one in said] == [PromotionCompleted], "release.trusted is not said"
    completed = said[0]
    assert isinstance(completed, PromotionCompleted)
    assert completed.trusted is False


def test_48_the_glass_opens_no_gate() -> None:
    broken = asked().model_copy(update={"glass": break_glass(asked(), person("bob"), REASON, NOW)})
    going = advance(broken, Thawed(None), NOW)
    assert advance(going, a_verdict(Outcome.DENY, attempt=2), NOW).state.value == "denied"


def test_refusals_say_what_to_do() -> None:
    for promotion, actor in ((QUEUED, person("ann")), (asked(), person("ann"))):
        with pytest.raises(Rejection) as refused:
            break_glass(promotion, actor, REASON, NOW)
        assert refused.value.remedy
